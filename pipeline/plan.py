"""Which networks are trained: ``plan`` of params.yaml says it in blocks, cells.yaml lists every training for dvc.yaml.

A plan has named blocks; a block trains each of its variants with each of its seeds at each of its scales. DVC's
templates can neither form these products nor find out whose crops a training reads, so ``pipeline plan`` does both.
The stage ``plan`` of dvc.yaml stops 'dvc repro' if somebody edited a plan and cells.yaml is out of date.
"""

import re
from dataclasses import replace
from io import StringIO
from itertools import product
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from pipeline import params
from pipeline.disk import files
from pipeline.disk.cells import Cell, main_line
from pipeline.errors import InputError
from pipeline.params import OURS, NaturalInt, Section

PATH = Path("cells.yaml")
HEADER = """\
# Written by 'pipeline plan' from 'datasets', 'variants' and 'plan' of params.yaml, for dvc.yaml to read; do not edit.
# planned: datasets; cells: trainings, each with the pictures that it reads; crops: the pictures that attention cuts.
"""


class Block(Section):
    """A block of a plan: each of its variants is trained with each of its seeds at each of its scales."""

    variants: Annotated[list[str], Field(min_length=1)]
    seeds: Annotated[list[NaturalInt], Field(min_length=1)]
    scales: Annotated[list[Literal[1, 2, 3]], Field(min_length=1)]


def run(datasets: list[str], checked: bool) -> None:
    """Write cells.yaml, and ``datasets`` of params.yaml where some are given.

    checked  raise InputError if cells.yaml was out of date: the running DVC has already read the old file
    """
    text = spell(_checked(datasets) if datasets else read_datasets())
    if datasets:
        with params.edit() as values:
            values["datasets"] = datasets
    if not PATH.is_file() or PATH.read_text() != text:
        with files.atomic_write(PATH) as temporary:
            temporary.write_text(text)
        if checked:
            raise InputError(f"{PATH}: was not what params.yaml says, and is now; run the same command again")
    counts = [f"{len(read(dataset))} trainings on {dataset}" for dataset in read_datasets()]
    print(f"{PATH}: {', '.join(counts)}")


def read_datasets() -> list[str]:
    """Return the datasets that are run."""
    return _checked(params.load().get("datasets"))


def _checked(datasets: Any) -> list[str]:
    if not isinstance(datasets, list) or not datasets or len(set(map(str, datasets))) < len(datasets):
        raise InputError(f"{params.PATH}: datasets: must be a list of recipes, each once, got {datasets!r}")
    return [str(dataset) for dataset in datasets]


def read(dataset: str) -> list[Cell]:
    """Return a dataset's trainings, each once, in the order of its plan."""
    blocks, where = params.load()["plan"][named(dataset)], f"{params.PATH}: plan.{named(dataset)}"
    cells: dict[Cell, None] = {}
    for name, values in blocks.items():
        block = params.check(Block, values, f"{where}.{name}.")
        cells |= dict.fromkeys(Cell(dataset, *one) for one in product(block.variants, block.seeds, block.scales))
    if main_line(dataset, 1) not in cells:
        raise InputError(f"{where}: {OURS} with seed 0 at scale 1 is missing, which all others are compared with")
    return list(cells)


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


def scales(cells: list[Cell]) -> list[int]:
    """Return the scales at which ours is trained with the recipe's own seed."""
    return sorted(cell.scale for cell in cells if cell == main_line(cell.dataset, cell.scale))


def spell(datasets: list[str]) -> str:
    """Return what cells.yaml must hold for some datasets."""
    from ruamel.yaml import YAML
    from ruamel.yaml.comments import CommentedMap

    spelled: dict[str, dict[str, Any]] = {"planned": {}, "cells": {}, "crops": {}}
    for dataset in datasets:
        params.read(dataset)  # a misspelt name has no recipe either, and that is the better message
        for kind, rows in _spell(dataset, read(dataset)).items():
            for name, row in rows.items():
                if name in spelled[kind]:
                    raise InputError(f"{params.PATH}: two trainings would be {name}; rename a recipe or a variant")
                spelled[kind][name] = CommentedMap(row)
                spelled[kind][name].fa.set_flow_style()
    yaml, text = YAML(), StringIO(HEADER)
    yaml.width = 1000  # a training is one line
    text.seek(0, 2)
    yaml.dump(spelled, text)
    return text.getvalue()


def _spell(dataset: str, cells: list[Cell]) -> dict[str, dict[str, dict[str, Any]]]:
    cutter = {variant: _cutter(dataset, variant) for variant in {cell.variant for cell in cells}}
    seen = {cell: replace(cell, variant=cutter[cell.variant]) for cell in cells}  # training -> image set that it reads
    crops = sorted({crop for crop in seen.values() if crop.scale > 1})
    attended = {crop: replace(crop, scale=crop.scale - 1) for crop in crops}  # image set -> training whose boxes cut it
    for cell, crop in seen.items():
        if crop.scale > 1 and attended[crop] not in seen:
            raise InputError(
                f"{params.PATH}: plan.{dataset}: {cell.variant} with seed {cell.seed} at scale {cell.scale} reads what "
                f"{crop.variant} with that seed attends to at scale {crop.scale - 1}, which is not in the plan"
            )
    all_of = {main_line(dataset, scale) for scale in scales(cells)} | set(attended.values())
    return {
        "planned": {dataset: {"plan": named(dataset), "scales": " ".join(map(str, scales(cells)))}},
        "cells": {
            f"{dataset}-{cell}": _line(cell) | {"images": _images(crop), "split": "all" if cell in all_of else "test"}
            for cell, crop in seen.items()
        },
        "crops": {
            f"{dataset}-{crop}": _line(crop) | {"before": before.scale, "images": _images(before)}
            for crop, before in attended.items()
        },
    }


def _line(cell: Cell) -> dict[str, Any]:
    return {"data": cell.dataset, "run": cell.run, "variant": cell.variant, "seed": cell.seed, "scale": cell.scale}


def _images(cell: Cell) -> str:
    folder = Path("data", cell.dataset)
    return (folder / "scale-1" if cell.scale == 1 else cell.below(folder)).as_posix()


def _cutter(dataset: str, variant: str) -> str:
    """Return the variant whose boxes cut a variant's crops for scales 2 and 3: the variant itself, or ours."""
    for name in (dataset, variant):
        if not re.fullmatch(r"[A-Za-z][\w-]*", name):
            raise InputError(
                f"{params.PATH}: {name!r}: a name begins with a letter and has letters, digits, '_' and '-'"
            )
    return variant if params.read(dataset, variant).cuts_own_crops else OURS
