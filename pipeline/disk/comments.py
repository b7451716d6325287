"""A YAML file that is edited, not written anew: comments stay where they are, and all has the form that DVC writes."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pipeline.disk import files
from pipeline.errors import InputError


@contextmanager
def edit(path: Path) -> Iterator[Any]:
    """Yield the values of a file to be changed; then write them, comments included."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError

    yaml, content = YAML(), path.read_bytes().decode("utf-8-sig")
    try:
        values = yaml.load(content.replace("\r\n", "\n"))
    except MarkedYAMLError as error:  # this parser, which keeps comments, is stricter: no tab before a value
        raise InputError(f"{path}: line {error.problem_mark.line + 1}: cannot be edited: {error.problem}") from error
    yield values
    with files.atomic_write(path) as temporary:
        with temporary.open("w", encoding="utf-8", newline="\r\n" if "\r\n" in content else None) as file:
            yaml.dump(values, file)
        shutil.copymode(path, temporary)


def block(values: dict[str, Any]) -> Any:
    """Return a mapping that is written a line a value."""
    from ruamel.yaml.comments import CommentedMap

    return CommentedMap(values)


def in_one_line(values: dict[str, Any]) -> Any:
    """Return a mapping that is written in one line."""
    line = block(values)
    line.fa.set_flow_style()
    return line


def append(mapping: Any, key: str, value: Any) -> None:
    """Add a ``block`` or a line at the end of a mapping that is not empty.

    To the parser the lines between this mapping and what follows it belong to its last value; they stay behind it.
    """
    from ruamel.yaml.error import CommentMark
    from ruamel.yaml.tokens import CommentToken

    owner, last = _last(mapping)
    mapping[key] = value
    after = owner.ca.items.get(last)
    if after is None or after[2] is None:
        return
    beside, _, behind = after[2].value.partition("\n")
    if behind:
        owner.ca.items.pop(last)
        if beside:
            owner.ca.items[last] = [None, None, CommentToken(f"{beside}\n", after[2].start_mark, None), None]
        owner, last = _last(mapping)
        owner.ca.items[last] = [None, None, CommentToken(f"\n{behind}", CommentMark(0), None), None]


def _last(mapping: Any) -> tuple[Any, str]:
    """Return the innermost mapping that ends where this one does, and its last key."""
    key = next(reversed(mapping))
    inner = mapping[key]
    return _last(inner) if isinstance(inner, dict) and inner and not inner.fa.flow_style() else (mapping, key)
