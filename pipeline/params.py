"""params.yaml -> frozen, validated recipes, one class a section; nothing else reads that file.

``recipes.<dataset>.<section>.<value>``: a stage gets the sections that it names in dvc.yaml, and no others.

No value may be called ``size`` or ``nfiles``: DVC's run cache leaves keys of these names out of what it compares (they
are its own for files), so that a changed value would bring back the old result.
"""

from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from pipeline import files
from pipeline.errors import InputError

PATH = Path("params.yaml")
CELL = 32  # pixels; the coarsest backbone's cell: sizes are whole numbers of it

Scale = Literal[1, 2, 3]
PositiveInt = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(ge=0, le=1)]


def _whole_cells(size: int) -> int:
    if size % CELL:
        raise ValueError(f"must be a multiple of {CELL}, the cell of the feature maps; {round(size / CELL) * CELL} is")
    return size


Pixels = Annotated[int, Field(ge=CELL), AfterValidator(_whole_cells)]


class Section(BaseModel):
    """A part of a recipe; unknown, missing and mistyped keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Birdlets(Section):
    """The embedded dataset, drawn by the project."""

    reader: Literal["birdlets"]
    seed: Annotated[int, Field(ge=0)]
    training: PositiveInt  # pictures per species
    test: PositiveInt  # pictures per species


class Cub(Section):
    """CUB-200-2011 in its official archive."""

    reader: Literal["cub"]
    archive: str | None  # a local CUB_200_2011.tgz; null downloads it
    subset: bool  # true for an archive that holds only some of the classes: counts and checksum are not those published


class Cars(Section):
    """Stanford Cars, in its official archives or as the re-upload with a folder per class."""

    reader: Literal["cars"]
    archives: str  # the folder that holds them
    subset: bool


class Aircraft(Section):
    """FGVC-Aircraft 2013b in its official archive."""

    reader: Literal["aircraft"]
    archive: str | None  # a local fgvc-aircraft-2013b.tar.gz; null downloads it
    subset: bool


class Folder(Section):
    """Your own pictures, a folder per class."""

    reader: Literal["folder"]
    root: str  # holds train/CLASS/* and test/CLASS/*, or CLASS/*
    test_share: Annotated[float, Field(gt=0, lt=1)]  # of each class, where there is no split
    seed: Annotated[int, Field(ge=0)]  # of the drawing, where there is no split
    boxes: str | None  # a CSV of file, x0, y0, x1, y1 in pixels


Source = Annotated[Birdlets | Cub | Cars | Aircraft | Folder, Field(discriminator="reader")]
READERS = ("birdlets", "cub", "cars", "aircraft", "folder")


class Prepare(Section):
    """The pictures that a scale reads."""

    short_edge: Pixels  # pixels; section 5.2: 448


class Network(Section):
    """What is trained at each scale."""

    backbone: str  # section 5.2: resnet50; or any convolutional model of timm
    weights: str  # imagenet, none, or a file
    stride: Literal[16, 32]  # pixels per cell of the feature maps; the paper's ResNet-50 has 32
    n_classifiers: PositiveInt  # n; section 5.2: 16; Figure 8: 1 to 16
    attention: Literal["probability", "logit"]  # what M is read from; the paper speaks of probability activations


class Train(Section):
    """How each scale is trained."""

    seed: Annotated[int, Field(ge=0)]
    epochs: PositiveInt  # section 5.2: 40
    batch: PositiveInt  # images per step over all processes; not stated by the paper
    crop: Pixels  # side of the random square that training sees, pixels
    lr: Annotated[float, Field(gt=0)]  # section 5.2: 1e-4
    weight_decay: Annotated[float, Field(ge=0)]  # not stated by the paper
    warmup_epochs: Annotated[float, Field(ge=0)]  # linear from zero; then a cosine to zero
    batch_norm: Literal["train", "frozen"]  # frozen: ImageNet's statistics, the same on any number of processes
    precision: Literal["fp32", "bf16", "fp64"]  # of the backbone; fp64 is for comparing numbers of processes
    test_every: PositiveInt  # epochs between looks at the test split, for the curves; nothing is chosen by them


class Attend(Section):
    """How a mask becomes the next scale's crop; chosen on training pictures, never by true boxes."""

    region: Literal["all", "largest"]  # the box goes around all attended regions, or the largest
    margin: Annotated[float, Field(ge=0)]  # share of the box's side that is added
    minimum: Share  # least side of a crop, as a share of the side of the picture it is cut from


class Vary(Section):
    """Where variants are trained; the paper does not say at which scale its Table 5 and Figure 8 were measured."""

    scales: Annotated[tuple[Scale, ...], Field(min_length=1, strict=False)]


class Recipe(Section):
    """Everything that one dataset's results depend on."""

    download: Source
    prepare: Prepare
    network: Network
    train: Train
    attend: Attend
    vary: Vary

    @model_validator(mode="after")
    def _warmup_ends(self) -> Self:
        warmup, epochs = self.train.warmup_epochs, self.train.epochs
        if warmup >= epochs:
            raise ValueError(f"train.warmup_epochs: {warmup:g} must be less than train.epochs, {epochs}")
        return self

    @model_validator(mode="after")
    def _crops_fit(self) -> Self:
        if self.train.crop > self.prepare.short_edge:
            raise ValueError(
                f"train.crop: {self.train.crop} is more than prepare.short_edge, {self.prepare.short_edge}"
            )
        return self


def read(dataset: str, path: Path = PATH) -> Recipe:
    """Read and check one dataset's whole recipe, so that a slip in a late section stops an early stage.

    Raises InputError that names the file and the field.
    """
    recipes = _load(path).get("recipes")
    if not isinstance(recipes, dict) or dataset not in recipes:
        known = ", ".join(recipes or {}) or "none"
        raise InputError(f"{path}: there is no recipe for {dataset!r}; recipes: {known}")
    try:
        return TypeAdapter(Recipe).validate_python(recipes[dataset])
    except ValidationError as error:
        lines = [_explain(problem, recipes[dataset]) for problem in error.errors()]
        raise InputError("\n".join(f"{path}: recipes.{dataset}.{line}" for line in lines)) from error


@dataclass(frozen=True)
class Plan:
    """What 'dvc repro' runs: the values beside the recipes."""

    datasets: list[str]
    variants: list[str]


def read_plan(path: Path = PATH) -> Plan:
    """Read which datasets and variants are run."""
    values = _load(path)
    return Plan(list(values.get("datasets", [])), list(values.get("variants", [])))


def add_variants(names: list[str], path: Path = PATH) -> None:
    """Add variants to those that are run, leaving everything else in the file, comments included, as it is."""
    from ruamel.yaml import YAML

    yaml = YAML()
    yaml.width = 1000  # do not fold what was written in one line
    yaml.preserve_quotes = True
    values = yaml.load(path)
    if new := [name for name in names if name not in values["variants"]]:
        values["variants"].extend(new)
        with files.whole(path) as temporary, temporary.open("w") as file:
            yaml.dump(values, file)


def flatten(recipe: Section) -> dict[str, Any]:
    """List a recipe's values under dotted names, as a tracker wants them.

    >>> flatten(Prepare(short_edge=448))
    {'short_edge': 448}
    """
    flat = {}
    for name, value in recipe:
        if isinstance(value, Section):
            flat |= {f"{name}.{inner}": v for inner, v in flatten(value).items()}
        else:
            flat[name] = value
    return flat


def _load(path: Path) -> dict:
    from ruamel.yaml import YAML, YAMLError  # DVC's own reader: 1e-4 is a number in it, in PyYAML a string

    try:
        return YAML(typ="safe").load(path.read_text()) or {}
    except FileNotFoundError as error:
        raise InputError(f"{path}: not found; run this from the project's root") from error
    except YAMLError as error:
        raise InputError(f"{path}: not valid YAML: {error}") from error


def _explain(problem: dict, recipe: Any) -> str:
    """Put one of pydantic's findings in a line: the field, what is wrong, the way out."""
    where = [str(part) for part in problem["loc"] if part not in READERS]
    field, message = ".".join(where), problem["msg"].removeprefix("Value error, ")
    if not where:  # two fields disagree: the message names them
        return message
    if problem["type"] == "extra_forbidden":
        parent = Recipe.model_fields[where[0]].annotation if len(where) > 1 else Recipe
        names = list(getattr(parent, "model_fields", {}))
        near = get_close_matches(where[-1], names, n=1)
        return f"{field}: unknown key" + (f"; did you mean {near[0]!r}?" if near else "")
    if problem["type"] == "missing":
        return f"{field}: missing"
    return f"{field}: {message}, got {problem['input']!r}"
