"""Command: try settings on folds of the training split, never on the test split, and put them into one table."""

from pathlib import Path

import numpy as np

from pipeline import blocks, params, plan, trainings
from pipeline.blocks import Line
from pipeline.disk import files, predictions
from pipeline.disk.cells import Cell
from pipeline.disk.folds import N_FOLDS
from pipeline.errors import InputError
from pipeline.params import OURS
from pipeline.reporting import choices, tables
from pipeline.reporting.choices import LEVELS, Tried
from pipeline.scheduling import forecast, graph, session
from pipeline.scheduling.coordinator import PASSED, Options

BLOCK = "choices"  # of a plan: settings that are tried
AXES = {"seeds": [0], "scales": [1], "folds": list(range(1, N_FOLDS + 1))}
RUNS = Path("runs")


def run(dataset: str, variants: list[str], out: Path | None, options: Options) -> None:
    """Train a dataset's settings on folds where that is missing, through DVC, and print their table for each scale.

    variants  settings to be added to those that the plan tries: variants of params.yaml; the first of all is ours
    out       a file that the tables are written to, as Markdown

    Raises InputError where a stage fails or is stopped; what was finished is cached.
    """
    _add(dataset, variants)
    cells = trainings.of_block(dataset, BLOCK)
    plan.run([], checked=False)
    if session.run(_stages(cells), options) != PASSED:
        raise InputError("stopped; what is said above is the reason. What was finished is cached: run this again")
    text = tabulate(dataset, cells)
    print(text)
    if out:
        with files.atomic_write(out) as temporary:
            temporary.write_text(text + "\n", encoding="utf-8")


def dry(dataset: str, variants: list[str]) -> None:
    """Print what ``run`` would run; write nothing."""
    with plan.in_a_copy() as instead:
        _add(dataset, variants)
        stages = _stages(trainings.of_block(dataset, BLOCK))
    plan.check_files(instead[plan.PATH])
    forecast.show(*graph.read(stages, instead=instead))


def _add(dataset: str, variants: list[str]) -> None:
    """Let the plan try these variants beside ours and those that it tries already, for this dataset alone."""
    if dataset not in trainings.read_datasets():
        raise InputError(f"{dataset}: not among the datasets of params.yaml; 'pipeline plan --datasets' adds it")
    for variant in variants:
        params.read(dataset, variant)
    tried = {cell.variant for cell in trainings.of_block(dataset, BLOCK)}
    if not tried and not variants:
        raise InputError(f"{dataset}: nothing was tried on folds yet; say --variant, such as --variant baseline,n-4")
    asked = [name for name in dict.fromkeys([OURS, *variants]) if name not in tried]
    blocks.add({dataset: [Line(BLOCK, name, AXES) for name in asked]})


def _stages(cells: list[Cell]) -> list[str]:
    return [f"attend@{cell.dataset}-{cell}" for cell in cells]


def tabulate(dataset: str, cells: list[Cell]) -> str:
    """Return the tables of trainings on folds, as Markdown: one for each scale."""
    parts = []
    for scale in sorted({cell.scale for cell in cells}):
        tried = read([cell for cell in cells if cell.scale == scale])
        n = [fold.shape[1] for fold in next(iter(tried.values())).hits["answer"]]
        parts.append(f"{dataset}, scale {scale}: {sum(n):,} training images, each held out in one of {len(n)} folds\n")
        parts += [tables.to_markdown(choices.table(tried)), choices.best(tried) + "\n"]
    return "\n".join(parts)


def read(cells: list[Cell]) -> dict[str, Tried]:
    """Read what the trainings of one scale answer, by variant, ours first."""
    names = sorted(dict.fromkeys(cell.variant for cell in cells), key=lambda name: name != OURS)
    folds = sorted({cell.fold for cell in cells})
    found = {name: [[c for c in cells if (c.variant, c.fold) == (name, fold)] for fold in folds] for name in names}
    return {name: Tried(params.changes(name), _hits(by_fold)) for name, by_fold in found.items()}


def _hits(folds: list[list[Cell]]) -> dict[str, list[np.ndarray]]:
    """Say for each fold which of its held-out images (N,) the network of each seed recognises: (S, N) a level."""
    hits: dict[str, list[np.ndarray]] = {level: [] for level in LEVELS}
    for cells in folds:
        seeds = [predictions.read_predictions(cell.below(RUNS / cell.home / "attend")).of("test") for cell in cells]
        for level in LEVELS:
            p = [one.probabilities() if level == "answer" else getattr(one, level) for one in seeds]
            hits[level].append(np.stack([p.argmax(axis=1) == one.label for p, one in zip(p, seeds, strict=True)]))
    return hits
