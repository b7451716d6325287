"""Stage: list in cells.yaml, for dvc.yaml, every training that the blocks of a plan stand for.

DVC's templates can neither form these products, nor find out whose crops a training reads or which files of the user's
a recipe names; ``pipeline plan`` does. As a stage it stops 'dvc repro' if cells.yaml is not what params.yaml says.
"""

import re
import shutil
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from dataclasses import replace
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pipeline import params, trainings
from pipeline.datasets import apart, sources
from pipeline.disk import files
from pipeline.disk.cells import FOLDS, Cell, main_line
from pipeline.errors import InputError
from pipeline.params import OURS

PATH = Path("cells.yaml")
N_FILES = 3  # of the user's, that dvc.yaml lists for a dataset: pictures, boxes, splits
RESERVED = ("raw", "archives", "metrics", "unfinished", "unsent", "logs", FOLDS)  # folders beside those of datasets
HEADER = """\
# Written by 'pipeline plan' from 'datasets', 'variants' and 'plan' of params.yaml, for dvc.yaml to read; do not edit.
# planned: datasets, 'files' being yours, filled up to three with a folder of code; weights: what backbones start from;
# cells: trainings, each with the pictures that it reads; crops: the pictures that attention cuts, and who attended.
"""


def run(datasets: list[str], checked: bool) -> None:
    """Write cells.yaml, and ``datasets`` of params.yaml where some are given.

    checked  raise InputError if cells.yaml was out of date: the running DVC has already read the old file
    """
    text = spell(trainings.checked(datasets) if datasets else trainings.read_datasets())
    if not checked:
        check_files(text)
    if datasets:
        with params.edit() as values:
            values["datasets"] = datasets
    if _kept() != text.encode():
        with files.atomic_write(PATH) as temporary:
            temporary.write_text(text, encoding="utf-8")
        if checked:
            raise InputError(f"{PATH}: was not what params.yaml says, and is now; run the same command again")
    counts = [f"{len(trainings.everything(dataset))} trainings on {dataset}" for dataset in trainings.read_datasets()]
    print(f"{PATH}: {', '.join(counts)}")


def _kept() -> bytes | None:
    """Return what cells.yaml holds; None where there is none."""
    try:
        return PATH.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InputError(f"{PATH}: cannot be read ({error.strerror}); move it away, and run this again") from error


def check_files(text: str) -> None:
    """Raise InputError where a file of the user's is missing, and so is what a stage once made of it."""
    from ruamel.yaml import YAML

    spelled = YAML(typ="safe").load(text)
    named = [(path, Path("data/raw", dataset)) for dataset, row in spelled["planned"].items() for path in row["files"]]
    for row in spelled["weights"].values():
        named.append((row["file"], Path("runs", row["data"], "weights", f"{row['variant']}.safetensors")))
    for path, made in named:
        if not path.startswith("pipeline/") and not Path(path).exists() and not made.exists():
            raise InputError(
                f"{params.PATH}: {path}: missing, and {made} is made of it; put it there, or name another "
                "in the recipe (data/README.md has what archives must hold)"
            )


@contextmanager
def in_a_copy() -> Iterator[dict[Path, str]]:
    """Let the plan grow in a copy of params.yaml; at the end yield what that and cells.yaml would hold, by path."""
    grown: dict[Path, str] = {}
    with TemporaryDirectory() as folder:
        shutil.copy(params.PATH, folder)
        with chdir(folder):
            yield grown
            grown[PATH] = spell(trainings.read_datasets())
            grown[params.PATH] = params.PATH.read_text(encoding="utf-8")


def spell(datasets: list[str]) -> str:
    """Return what cells.yaml must hold for some datasets."""
    from ruamel.yaml import YAML
    from ruamel.yaml.comments import CommentedMap

    spelled: dict[str, dict[str, Any]] = {"planned": {}, "weights": {}, "cells": {}, "crops": {}}
    for dataset in datasets:
        params.read(dataset)  # a misspelt name has no recipe either, and that is the better message
        for kind, rows in _spell(dataset, trainings.everything(dataset)).items():
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
    variants = {cell.variant for cell in cells}
    starts = {variant: _start(dataset, variant) for variant in variants}
    cutter = {variant: _cutter(dataset, variant) for variant in variants}
    seen = {cell: replace(cell, variant=cutter[cell.variant]) for cell in cells}  # training -> image set that it reads
    crops = sorted({crop for crop in seen.values() if crop.scale > 1})
    attended = {crop: _attender(crop) for crop in crops}  # image set -> training whose masks cut it
    for cell, crop in seen.items():
        if crop.scale > 1 and attended[crop] not in seen:
            raise InputError(
                f"{params.PATH}: plan.{dataset}: {cell.variant} with seed {cell.seed} at scale {cell.scale} reads what "
                f"{crop.variant} with that seed attends to at scale {crop.scale - 1}, which is not in the plan"
                + (f" of fold {cell.fold}" if cell.fold else "")
            )
    all_of = {main_line(dataset, scale) for scale in trainings.scales(cells)} | set(attended.values())
    return {
        "planned": {dataset: _planned(dataset, cells)},
        "weights": {
            f"{dataset}-{start}": {"data": dataset, "variant": start, "file": _weights_file(dataset, start)}
            for start in sorted(set(starts.values()))
        },
        "cells": {
            f"{dataset}-{cell}": _line(cell)
            | {"weights": starts[cell.variant], "images": _images(crop)}
            | {"split": "all" if cell in all_of else "test"}
            for cell, crop in seen.items()
        },
        "crops": {
            f"{dataset}-{crop}": _line(crop)
            | {"attended": f"{before.run}/scale-{before.scale}", "images": _images(before)}
            for crop, before in attended.items()
        },
    }


def _planned(dataset: str, cells: list[Cell]) -> dict[str, Any]:
    theirs = sources.files(sources.check(dataset, params.read(dataset).download))
    filled = theirs + ["pipeline/datasets"] * (N_FILES - len(theirs))
    return {"plan": trainings.named(dataset), "scales": " ".join(map(str, trainings.scales(cells))), "files": filled}


def _start(dataset: str, variant: str) -> str:
    """Return the variant whose weights stage a variant's trainings start from: ours, unless they differ."""
    ours, own = (params.read(dataset, name).network for name in (OURS, variant))
    return OURS if (ours.backbone, ours.weights) == (own.backbone, own.weights) else variant


def _weights_file(dataset: str, variant: str) -> str:
    """Return the user's file that a weights stage reads, or the stage's own code where it reads none."""
    weights = params.read(dataset, variant).network.weights
    if weights in ("imagenet", "none"):
        return "pipeline/weights.py"
    apart.keep_apart(f"{params.PATH}: recipes.{dataset}.network.weights", weights, apart.replaced())
    return weights


def _images(cell: Cell) -> str:
    """Return the image set of a training: whole images are there once, and folds share them."""
    return cell.images(Path("data", cell.dataset if cell.scale == 1 else cell.home)).as_posix()


def _line(cell: Cell) -> dict[str, Any]:
    """Return what dvc.yaml needs of a training, or of an image set; ``home`` and ``fold`` say on which split."""
    names = {"data": cell.dataset, "home": cell.home, "run": cell.run, "variant": cell.variant}
    return names | {"seed": cell.seed, "scale": cell.scale, "fold": cell.fold}


def check_name(name: str, where: str) -> None:
    """Raise InputError, which begins with ``where``, for what cannot be a dataset's name."""
    _check_word(name, where)
    if name in RESERVED:
        raise InputError(f"{where}: a folder of that name is the project's; rename it")


def _check_word(name: str, where: str) -> None:
    if not re.fullmatch(r"[A-Za-z][\w-]*", name):
        raise InputError(f"{where}: {name!r}: a name begins with a letter and has letters, digits, '_' and '-'")


def _cutter(dataset: str, variant: str) -> str:
    """Return the variant whose crops a variant reads at scales 2 and 3: its own, or those of ours."""
    _check_word(variant, str(params.PATH))
    check_name(dataset, f"{params.PATH}: recipes.{dataset}")
    recipe = params.read(dataset, variant)
    return variant if recipe.attends or recipe.attend.crops != "attention" else OURS


def _attender(crop: Cell) -> Cell:
    """Return the training whose masks cut an image set: that of the scale before.

    A control has the crops of ours cut in another place, so that both see as much of their pictures.
    """
    variant = crop.variant if params.read(crop.dataset, crop.variant).attend.crops == "attention" else OURS
    if crop.scale == 2:
        variant = trainings.network_of(variant)
    return replace(crop, variant=variant, scale=crop.scale - 1)
