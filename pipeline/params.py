"""params.yaml -> frozen, validated recipes, one class a section; nothing else reads that file.

``recipes.<dataset>.<section>.<value>``: a stage gets the sections that it names in dvc.yaml, and no others.

No value may be called ``size`` or ``nfiles``: DVC's run cache ignores these names, and would restore the old result.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from pipeline.disk import comments, files
from pipeline.disk.imageset import CELL
from pipeline.disk.sections import NaturalInt, PositiveInt, Section, Share, check
from pipeline.disk.temperature import Calibration, fitted_on
from pipeline.errors import InputError

PATH = Path("params.yaml")
OURS = "ours"  # the variant that changes nothing
VARIED = ("network", "train", "attend")  # the sections that a variant may change; 'prepare' is the same for all
NAMED = {  # variants that tables and claims know by name, and their values
    "baseline": {"network.n_classifiers": 0},
    "local": {"train.loss": "local"},
    "object": {"train.loss": "object"},
    "centred": {"attend.crops": "centre"},
    "two-heads": {"network.n_classifiers": 0, "network.second_head": True},
}


def _whole_cells(pixels: int) -> int:
    if pixels % CELL:
        near = round(pixels / CELL) * CELL
        raise ValueError(f"must be a multiple of {CELL}, the cell of the feature maps; {near} is")
    return pixels


Pixels = Annotated[int, Field(ge=CELL), AfterValidator(_whole_cells)]


class Prepare(Section):
    """The pictures that a scale reads."""

    short_edge: Pixels  # pixels; section 5.2: 448


class Network(Section):
    """What is trained at each scale."""

    backbone: str  # section 5.2: resnet50; or any convolutional model of timm
    weights: str  # imagenet, none, or a file
    stride: Literal[16, 32]  # pixels per cell of the feature maps; the paper's ResNet-50 has 32
    last_block: Literal["kept", "left_out"] = "kept"  # at stride 16: dilated, or f(X) is what that block would read
    n_classifiers: NaturalInt  # n; section 5.2: 16; Figure 8: 1 to 16; 0: the baseline, max pooling over all cells
    attention: Literal["probability", "logit"]  # what M is computed from; the paper: 'probability activations'
    readout: Literal["logits", "probabilities"] = "logits"  # what local predictions are the mean of, over the cells
    readout_cells: Literal["all", "attended"] = "all"  # over which
    averaging: Literal["probabilities", "log_probabilities"] = "probabilities"  # of levels and of scales (4.4.3)
    second_head: bool = False  # of the baseline: a linear classifier of mean-pooled features too; it averages both


class Train(Section):
    """How each scale is trained."""

    seed: NaturalInt
    epochs: PositiveInt  # section 5.2: 40
    batch: PositiveInt  # images per step over all processes; not stated by the paper
    crop: Pixels  # side of the random square crops of training, pixels
    lr: Annotated[float, Field(gt=0)]  # section 5.2: 1e-4
    weight_decay: Annotated[float, Field(ge=0)]  # not stated by the paper
    warmup_epochs: Annotated[float, Field(ge=0)]  # linear from zero; then a cosine to zero
    batch_norm: Literal["train", "frozen"]  # frozen: ImageNet's statistics, the same on any number of processes
    precision: Literal["fp32", "bf16", "fp64"]  # of the backbone; fp64: to test on several numbers of processes
    tf32: Literal["none", "convolutions", "all"] = "convolutions"  # where a GPU may round fp32 to 10 bits of mantissa
    threads: PositiveInt | None  # per process on CPUs; another number rounds sums differently; null: all cores
    instructions: Literal["avx2"] | None = None  # of CPUs: the newest used, as newer ones round otherwise; null: any
    test_every: PositiveInt  # epochs between tests on the test split, only for the curves; no choice uses them
    loss: Literal["both", "local", "object"] = "both"  # Eq. 6, or one of its two terms alone (section 5.6.1)
    loc_weight: Annotated[float, Field(gt=0)] = 1.0  # of l_loc in Eq. 6; the paper: 1
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0  # share of a target that all categories divide
    classifier_rate: Annotated[float, Field(gt=0)] = 1.0  # rate of the fresh classifiers, as a multiple of lr


class Attend(Section):
    """How a mask becomes the next scale's crop; values were chosen on training pictures, never by true boxes."""

    crops: Literal["attention", "centre", "true_box"] = "attention"  # what cuts them; the others are controls
    region: Literal["all", "largest", "mass"]  # the box goes around all attended regions, the largest, or M's mass
    mass: Annotated[float, Field(gt=0, le=1)] = 0.8  # share of M's mass on each axis that region mass keeps
    margin: Annotated[float, Field(ge=0)]  # share of the box's side that is added
    minimum: Share  # least side of a crop, as a share of the side of the picture it is cut from

    @property
    def policy(self) -> tuple[str, float, float, float]:
        """The last argument of ``model.boxes.next_crop``."""
        return self.region, self.margin, self.minimum, self.mass


class Training(Section):
    """What one network is, and how it is trained."""

    network: Network
    train: Train

    @property
    def answer(self) -> str:
        """The level whose prediction counts: 'avg', the mean of both, or the only one that is trained."""
        if self.network.n_classifiers == 0:
            return "avg" if self.network.second_head else "obj"
        return {"both": "avg", "local": "loc", "object": "obj"}[self.train.loss]


class Recipe(Section):
    """Everything that one dataset's results depend on."""

    download: dict[str, Any]  # ``datasets.sources`` checks it: each reader has values of its own
    prepare: Prepare
    network: Network
    train: Train
    attend: Attend
    calibration: Calibration | None = None  # 'pipeline calibrate' writes it; without it probabilities stay as they are

    @property
    def training(self) -> Training:
        """What each scale's network is, and how it is trained."""
        return Training(network=self.network, train=self.train)

    @property
    def attends(self) -> bool:
        """Whether its attention can cut crops: both losses are trained. Others read the crops of ours."""
        return self.network.n_classifiers > 0 and self.train.loss == "both"

    def calibrated(self, n_scales: int) -> Calibration | None:
        """What makes the answer of these scales believable; None too where it was fitted on another recipe."""
        own = self.calibration
        return own if own and own.recipe == fitted_on(self, n_scales) else None

    @model_validator(mode="after")
    def _values_agree(self) -> Self:
        warmup, epochs = self.train.warmup_epochs, self.train.epochs
        if warmup >= epochs:
            raise ValueError(f"train.warmup_epochs: {warmup:g} must be less than train.epochs, {epochs}")
        if self.network.n_classifiers == 0 and self.train.loss != "both":
            raise ValueError(
                f"train.loss: {self.train.loss!r} is for local classifiers; with n_classifiers 0 say 'both'"
            )
        if self.network.n_classifiers and self.network.second_head:
            raise ValueError("network.second_head: is for the baseline, n_classifiers 0; leave it out")
        if self.network.last_block == "left_out" and self.network.stride != 16:
            raise ValueError(f"network.last_block: 'left_out' needs stride 16, not {self.network.stride}")
        crop, short_edge = self.train.crop, self.prepare.short_edge
        if crop > short_edge:
            raise ValueError(f"train.crop: {crop} is more than prepare.short_edge, {short_edge}")
        return self


def read(dataset: str, variant: str = OURS, seed: int = 0, path: Path = PATH) -> Recipe:
    """Read and check one dataset's whole recipe, so that a mistake in any section already stops the first stage.

    variant  a name below ``variants``: its values replace the recipe's
    seed     added to the recipe's own; it decides the initial classifiers, the order of images and their crops

    Raises InputError that names the file and the field.
    """
    values = load(path)
    recipes = values.get("recipes")
    known = list(recipes) if isinstance(recipes, dict) else []
    if odd := [name for name in known if not isinstance(name, str) and str(name) == dataset]:
        raise InputError(f"{path}: recipes.{odd[0]}: to YAML this is no text; choose a name such as data-{odd[0]}")
    if dataset not in known:
        raise InputError(f"{path}: there is no recipe for {dataset!r}; recipes: {', '.join(map(str, known)) or 'none'}")
    recipe = check(Recipe, recipes[dataset], f"{path}: recipes.{dataset}.")
    if not recipe.attends or recipe.attend.crops != "attention":
        raise InputError(
            f"{path}: recipes.{dataset}: n_classifiers 0, single losses and crops by centre or true_box are for "
            "'variants'"
        )
    if changes := _changes(variant, values, path):
        changed = {section: dict(recipes[dataset][section]) for section in VARIED}
        for name, value in changes.items():
            section, _, key = name.partition(".")
            changed[section][key] = value
        recipe = check(Recipe, recipes[dataset] | changed, f"{path}: variants.{variant}, on {dataset}: ")
    return recipe.model_copy(update={"train": recipe.train.model_copy(update={"seed": recipe.train.seed + seed})})


def changes(variant: str, path: Path = PATH) -> dict[str, Any]:
    """Return the values of a variant that are not the recipe's, by dotted name."""
    return _changes(variant, load(path), path)


def _changes(name: str, values: dict, path: Path) -> dict[str, Any]:
    """Return a variant's values by dotted name; check that NAMED and n-<number> have the values of their names."""
    variants = values.get("variants")
    if not isinstance(variants, dict) or name not in variants:
        known = ", ".join(map(str, variants or {})) or "none"
        raise InputError(f"{path}: there is no variant {name!r}; variants: {known}")
    changes, where = variants[name], f"{path}: variants.{name}"
    if not isinstance(changes, dict):
        raise InputError(f"{where}: must be recipe values, such as {{train.weight_decay: 0.05}}, got {changes!r}")
    for key in changes:
        if not isinstance(key, str) or key.split(".")[0] not in VARIED or key.count(".") != 1:
            raise InputError(f"{where}.{key}: a variant changes values of {', '.join(VARIED)}, such as train.lr")
    if name == OURS and changes:
        raise InputError(f"{where}: is the recipe itself, so it must be {{}}")
    if number := re.fullmatch(r"n-(\d+)", name):
        expected = {"network.n_classifiers": int(number[1])}
        if changes != expected or name != f"n-{int(number[1])}" or name == "n-0":
            raise InputError(f"{where}: is Figure 8's name of {{network.n_classifiers: 1}} or more, of nothing else")
    elif any(changes.get(key) != value for key, value in NAMED.get(name, {}).items()):
        raise InputError(f"{where}: tables call {NAMED[name]} so; write that, or choose another name")
    return changes


def load(path: Path = PATH) -> dict[str, Any]:
    """Read the file without checking its recipes."""
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise InputError(f"{path}: not found; run this from the project's root") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    values = files.parse_yaml(content, str(path)) or {}
    if not isinstance(values, dict):
        raise InputError(f"{path}: must hold 'datasets', 'variants', 'plan' and 'recipes', got {values!r:.60}")
    return values


@contextmanager
def edit(path: Path = PATH) -> Iterator[Any]:
    """Yield the file's values to be changed; then write them as DVC does, comments included."""
    load(path)  # says what is wrong in most broken files
    with comments.edit(path) as values:
        yield values
