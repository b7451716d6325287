"""``plan`` of params.yaml: which networks are trained on a dataset.

A plan has named blocks; a block trains each of its variants with each of its seeds at each of its scales.
"""

from itertools import product
from typing import Annotated, Any, Literal

from pydantic import Field

from pipeline import params
from pipeline.disk import sections
from pipeline.disk.cells import Cell, main_line
from pipeline.disk.folds import N_FOLDS
from pipeline.disk.sections import NaturalInt, Section
from pipeline.errors import InputError
from pipeline.params import OURS


class Block(Section):
    """A block of a plan: each of its variants is trained with each of its seeds at each of its scales.

    With folds it is trained on each of them, and not on the official split.
    """

    variants: Annotated[list[str], Field(min_length=1)]
    seeds: Annotated[list[NaturalInt], Field(min_length=1)]
    scales: Annotated[list[Literal[1, 2, 3]], Field(min_length=1)]
    # Of the training split; without any it is the official split.
    folds: Annotated[list[Annotated[int, Field(ge=1, le=N_FOLDS)]], Field(default_factory=list)]


def read_datasets() -> list[str]:
    """Return the datasets that are run."""
    return checked(params.load().get("datasets"))


def checked(datasets: Any) -> list[str]:
    """Return a list of datasets, or raise InputError where it is none."""
    if not isinstance(datasets, list) or not datasets or len(set(map(str, datasets))) < len(datasets):
        raise InputError(f"{params.PATH}: datasets: must be a list of recipes, each once, got {datasets!r}")
    return [str(dataset) for dataset in datasets]


def read(dataset: str) -> list[Cell]:
    """Return a dataset's trainings on its official split, in the order of its plan: those that tables show."""
    return [cell for cell in everything(dataset) if not cell.fold]


def everything(dataset: str) -> list[Cell]:
    """Return a dataset's trainings, those on folds among them, each once; at scale 1 those of ``network_of``."""
    cells = dict.fromkeys(cell for name in _blocks(dataset) for cell in of_block(dataset, name))
    if main_line(dataset, 1) not in cells:
        raise InputError(
            f"{params.PATH}: plan.{named(dataset)}: {OURS} with seed 0 at scale 1 is missing, which all others are "
            "compared with"
        )
    return list(cells)


def of_block(dataset: str, name: str) -> list[Cell]:
    """Return the trainings of one block of a dataset's plan, each once; none where there is no such block."""
    values = _blocks(dataset).get(name)
    if values is None:
        return []
    block = sections.check(Block, values, f"{params.PATH}: plan.{named(dataset)}.{name}.")
    axes = product(block.folds or [0], block.variants, block.seeds, block.scales)
    whole = {variant: network_of(variant) for variant in block.variants}
    cells = (Cell(dataset, whole[v] if scale == 1 else v, seed, scale, fold) for fold, v, seed, scale in axes)
    return list(dict.fromkeys(cells))


def _blocks(dataset: str) -> dict[str, Any]:
    name = named(dataset)  # says what is wrong in a file without plans
    return params.load()["plan"][name]


def named(dataset: str) -> str:
    """Return the dataset whose plan a dataset has: its own name, or the name that it has instead of a plan."""
    plans = params.load().get("plan")
    plans = plans if isinstance(plans, dict) else {}
    name = plans.get(dataset) if isinstance(plans.get(dataset), str) else dataset
    if isinstance(plans.get(name), str):
        raise InputError(f"{params.PATH}: plan.{dataset}: {name} shares the plan of {plans[name]}; name that one")
    if not isinstance(plans.get(name), dict) or not plans[name]:
        example = "{variants: [ours], seeds: [0], scales: [1, 2, 3]}"
        raise InputError(f"{params.PATH}: plan.{name}: missing; the method alone is 'main: {example}'")
    return name


def network_of(variant: str) -> str:
    """Return the variant whose network at scale 1 is a variant's own: how crops are cut matters from scale 2 on."""
    changes = params.changes(variant)
    rest = {name: value for name, value in changes.items() if not name.startswith("attend.")}
    if rest == changes:
        return variant
    return next((name for name, values in params.load()["variants"].items() if values == rest), variant)


def scales(cells: list[Cell]) -> list[int]:
    """Return the scales at which ours is trained with the recipe's own seed."""
    return sorted(cell.scale for cell in cells if cell == main_line(cell.dataset, cell.scale))
