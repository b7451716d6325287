"""The input of a report, read from the outputs of the other stages."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline import params
from pipeline.disk import files, imageset
from pipeline.disk.cells import main_line
from pipeline.reporting import examples


@dataclass(frozen=True)
class Results:
    """Numbers, histories and image sets of one dataset."""

    metrics: dict
    comparison: dict
    cost: dict
    predictions: pd.DataFrame
    histories: list[pd.DataFrame]  # of our scales
    scales: list[examples.Scale]  # of ours
    published: dict | None
    recipe: params.Recipe
    taken: list[str]  # what the download said of the pictures


def read(  # noqa: PLR0913 - a folder each
    dataset: str, recipe: params.Recipe, scales: list[int], runs: Path, data: Path, reports: Path, taken: Path
) -> Results:
    """Read the results of a dataset.

    scales   of ours, from 1 on
    runs     the dataset's folder of runs
    data     the dataset's folder of image sets
    reports  holds published.yaml and metrics/
    taken    what the download took and left out
    """
    cells = [main_line(dataset, scale) for scale in scales]
    return Results(
        metrics=files.read_json(reports / "metrics" / f"{dataset}.json"),
        comparison=files.read_json(reports / "metrics" / f"{dataset}.variants.json"),
        cost=files.read_json(runs / "cost.json"),
        predictions=pd.read_csv(runs / "evaluate" / "predictions.csv", dtype={"id": str}),
        histories=[pd.read_csv(cell.below(runs / "train") / "history.csv") for cell in cells],
        scales=[examples.read(cell.images(data), cell.below(runs / "attend")) for cell in cells],
        published=published(reports / "published.yaml", recipe.download),
        recipe=recipe,
        taken=imageset.read_taken(taken),
    )


def published(path: Path, source: dict[str, Any]) -> dict | None:
    """Return the published numbers for a source; None where there are none, as for a subset."""
    from ruamel.yaml import YAML

    if source.get("subset"):
        return None
    return YAML(typ="safe").load(path).get(source["reader"])
