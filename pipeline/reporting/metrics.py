"""The numbers in git: ``reports/metrics/<dataset>.json`` of the evaluate stage, ``<dataset>.variants.json`` of compare.

A file that a person merged, cut or edited is refused here, so that no check and no table is built on it.
"""

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from pipeline.disk import files
from pipeline.errors import InputError

Scale = Literal["1", "2", "3", "ms"]
Number = Annotated[float, Field(allow_inf_nan=False)]
Percent = Annotated[float, Field(ge=0, le=100 + 1e-6)]  # means round
Points = Annotated[float, Field(ge=-100, le=100)]
Share = Annotated[float, Field(ge=0, le=1 + 1e-6)]
Positive = Annotated[Number, Field(gt=0)]
Interval = Annotated[list[Number], Field(min_length=2, max_length=2)]
SCALES = ["1", "2", "3", "ms"]
REFERENCES = {"whole image", "centred box"}  # in the rows of overlaps, no results of ours


class Table(BaseModel):
    """A file of numbers; values that it does not know are kept."""

    model_config = ConfigDict(extra="allow", strict=True)


class Judged(Table):
    """A number that a claim or a control is about, as ``intervals.to_record`` writes it."""

    what: str
    points: Number
    interval: Interval
    images: Annotated[int, Field(ge=1)]
    seeds: Annotated[int, Field(ge=1)]
    variance: Annotated[list[Annotated[Number, Field(ge=0)]], Field(min_length=3, max_length=3)]


class Metrics(Table):
    """What the evaluate stage measures of ours."""

    acc_loc: dict[Scale, Percent]
    acc_obj: dict[Scale, Percent]
    acc_avg: dict[Scale, Percent]
    acc_avg_per_class: dict[Scale, Percent]
    attended: dict[Scale, Share]
    constant: dict[Scale, Share]
    attended_of_original: dict[Scale, Share]
    iou: dict[str, Share] = {}
    iou_above_half: dict[str, Share] = {}
    calibration_error: dict[Literal["uncalibrated", "calibrated"], Percent] = {}  # points; of the final answer
    intervals: dict[str, dict[str, Interval]] = {}  # results of older versions have none of these
    judged: list[Judged] = []  # nor those

    @model_validator(mode="after")
    def _has_the_same_scales(self) -> Self:
        scales = set(self.acc_avg)
        if scales not in ({"1"}, {"1", "2"}, {*SCALES}):
            raise ValueError(f"acc_avg: must have scale 1, scales 1 and 2, or all three and 'ms', got {[*scales]}")
        single = scales - {"ms"}
        rows = dict.fromkeys(("acc_loc", "acc_obj", "acc_avg_per_class"), scales)
        rows |= dict.fromkeys(("attended", "constant", "attended_of_original"), single)
        if self.iou or self.iou_above_half:
            rows |= dict.fromkeys(("iou", "iou_above_half"), single | REFERENCES)
        for name, wanted in rows.items():
            if set(getattr(self, name)) != wanted:
                raise ValueError(f"{name}: must have {', '.join(sorted(wanted))}, got {[*getattr(self, name)]}")
        return self


class Difference(Table):
    """Ours minus the baseline."""

    points: Points
    interval: Interval


class Spread(Table):
    """Results of several seeds."""

    mean: Percent
    std: Annotated[Number, Field(ge=0)]
    n: Annotated[int, Field(ge=2)]
    interval: Interval | None = None


class Wins(Table):
    """Which of its local classifiers a training uses, as ``compare.wins`` counts them."""

    variant: str
    seed: Annotated[int, Field(ge=0)]
    scale: Annotated[int, Field(ge=1, le=3)]
    n: Annotated[int, Field(ge=2)]
    winning: Annotated[int, Field(ge=0)]
    leading: Annotated[int, Field(ge=0)]
    largest: Share
    led: Share


class Variants(Table):
    """What the compare stage measures of the variants beside ours."""

    accuracy: dict[str, dict[Scale, Percent]]
    interval: dict[str, dict[Scale, Interval]]
    seeds: dict[str, dict[Scale, Spread]]
    minus_baseline: dict[Scale, Difference]
    judged: list[Judged] = []  # results of older versions have none
    wins: list[Wins] = []  # nor these

    @model_validator(mode="after")
    def _has_ours_and_intervals(self) -> Self:
        if "1" not in self.accuracy.get("ours", {}):
            raise ValueError("accuracy.ours.1: missing")
        if {v: set(row) for v, row in self.accuracy.items()} != {v: set(row) for v, row in self.interval.items()}:
            raise ValueError("accuracy and interval: must have the same variants and scales")
        return self


class Price(Table):
    """What one image costs."""

    parameters_m: Positive
    gflops: Positive
    images_per_s: Positive


class Cost(Table):
    """What the measure stage measures."""

    device: str
    image: Annotated[int, Field(ge=1)]
    ours: dict[Literal["1", "ms"], Price]
    baseline: dict[Literal["1", "ms"], Price]

    @model_validator(mode="after")
    def _has_both(self) -> Self:
        if not len(self.ours) == len(self.baseline) == 2:
            raise ValueError("ours and baseline: must have 1 and ms")
        return self


def read(path: Path) -> dict[str, Any]:
    """Read a dataset's file of the evaluate stage."""
    return _check(Metrics, files.read_json(path), str(path))


def read_variants(path: Path) -> dict[str, Any]:
    """Read a dataset's file of the compare stage."""
    return _check(Variants, files.read_json(path), str(path))


def read_cost(path: Path) -> dict[str, Any]:
    """Read the measure stage's file."""
    return _check(Cost, files.read_json(path), str(path))


def parse(content: bytes, name: str, variants: bool) -> dict[str, Any]:
    """Check the content of such a file that comes from elsewhere, such as git."""
    return _check(Variants if variants else Metrics, files.parse_json(content, name), name)


def _check(model: type[Table], values: dict, name: str) -> dict[str, Any]:
    try:
        return model.model_validate(values).model_dump(exclude_defaults=True)
    except ValidationError as error:
        first = error.errors()[0]
        where = "".join(f"{part}." for part in first["loc"]).rstrip(".")
        message = first["msg"].removeprefix("Value error, ")
        got = f", got {first['input']!r:.40}" if where and first["type"] != "missing" else ""
        raise InputError(
            f"{name}: {where}{': ' if where else ''}{message}{got}; delete it and run 'dvc repro'"
        ) from error
