"""Values that a file gives as a mapping -> a frozen, validated section, or one line for each that is wrong."""

from difflib import get_close_matches
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pipeline.errors import InputError

PositiveInt = Annotated[int, Field(ge=1)]
NaturalInt = Annotated[int, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]


class Section(BaseModel):
    """A part of a file; unknown, missing and mistyped keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


S = TypeVar("S", bound=Section)


def check(model: type[S], values: Any, where: str) -> S:
    """Validate values of a file as a section; each line of the InputError begins with ``where``."""
    if not isinstance(values, dict):
        raise InputError(f"{where.rstrip('.: ')}: must be a mapping of values, got {values!r}")
    try:
        return model.model_validate(values)
    except ValidationError as error:
        lines = [where + _explain(problem, model) for problem in error.errors()]
        raise InputError("\n".join(lines)) from error


def _explain(problem: dict, model: type[Section]) -> str:
    """Explain one of pydantic's errors in a line: the field, what is wrong, how to correct it."""
    where = [str(part) for part in problem["loc"]]
    field, message = ".".join(where), problem["msg"].removeprefix("Value error, ")
    if not where:  # two fields disagree: the message names them
        return message
    if problem["type"] == "extra_forbidden":
        parent = model.model_fields[where[0]].annotation if len(where) > 1 else model
        near = get_close_matches(where[-1], list(parent.model_fields), n=1)
        return f"{field}: unknown key" + (f"; did you mean {near[0]!r}?" if near else "")
    if problem["type"] == "missing":
        return f"{field}: missing"
    return f"{field}: {message}, got {problem['input']!r}"
