"""Stage: put all that is needed to ask the trained scales of ours into one folder, to be used anywhere."""

import shutil
from pathlib import Path
from typing import Any

from pipeline import params, recogniser
from pipeline.disk import files, imageset
from pipeline.disk.temperature import NOT_APPLIED
from pipeline.errors import InputError
from pipeline.recogniser import Description, Used
from pipeline.training import trained

NAMED = 30  # classes that the card lists; model.json has all
CARD = """\
# {dataset}: {n} classes, {scales} scales

Answers which of {n} classes a picture shows, and where it looked: local classifiers attend to a region, the next scale
reads that region cut from the original and zoomed, and the scales' probabilities are averaged. The method is that of
*Generating Attention from Classifier Activations for Fine-grained Recognition* (Wei Shen, Rujie Liu).

    pipeline predict PICTURES --model FOLDER    # FOLDER being the one that this file lies in

`{description}` has the class names, how images are made, the recipe, the accuracies below and the digests of the
weights; nothing else is needed, and nothing here is a pickle.

| accuracy (%) | {header} |
| --- |{rule}
{rows}

On the test split of its own dataset, after the last epoch; other cameras and other places were not measured. It always
names one of its classes, also where none is there, and may be as sure of it: `pipeline strangers PICTURES` measures, on
pictures of no class, how many of them `predict --threshold` still answers for, and how many of the test pictures.

{probabilities}

- backbone: {backbone}, stride {stride}, {classifiers} local classifiers; images with a short edge of {edge} pixels
- classes: {classes}
"""


def run(dataset: str, recipe: params.Recipe, weights: list[Path], images: Path, metrics: Path, out: Path) -> None:
    """Write the folder ``out``, which ``recogniser.read`` describes.

    recipe   how boxes are chosen, and the calibration; what the networks are and how they were trained stands beside
             their weights
    weights  folders of the train stages, scale 1 first
    images   image set of scale 1, for its size and its class names
    metrics  what the evaluate stage measured
    """
    data = imageset.read(images)
    recipes = [trained.read_recipe(folder) for folder in weights]
    for folder, other in zip(weights, recipes, strict=True):
        if other != recipes[0]:
            raise InputError(f"{folder}: was trained by another recipe than {weights[0]}; run 'dvc repro'")
    fitted = recipe.calibrated(len(weights))
    if recipe.calibration and not fitted:
        print(NOT_APPLIED.format(dataset, dataset))
    description = Description(
        dataset=dataset,
        class_names=data.class_names,
        recipe=Used(
            prepare=params.Prepare(short_edge=data.short_edge),
            network=recipes[0].network,
            train=recipes[0].train,
            attend=recipe.attend,
        ),
        average=recogniser.AVERAGES[recipes[0].network.averaging],
        trained_on=data.digest,
        weights=[files.sha256(folder / trained.WEIGHTS, "run its train stage") for folder in weights],
        metrics=_measured(metrics),
        calibration=fitted,
    )
    with files.atomic_write(out) as temporary:
        for source, place in zip(weights, recogniser.scales(temporary, description), strict=True):
            place.mkdir(parents=True)
            shutil.copyfile(source / trained.WEIGHTS, place / trained.WEIGHTS)
        recogniser.write_description(temporary, description)
        (temporary / recogniser.CARD).write_text(card(description), encoding="utf-8")
        recogniser.read(temporary)
    print(f"{out}: {len(weights)} scales, {len(data.class_names)} classes")


def _measured(path: Path) -> dict[str, Any]:
    """Read the metrics; raise InputError where the accuracies that the card shows are no rows of numbers."""
    values = files.read_json(path)
    for name in ("acc_loc", "acc_obj", "acc_avg"):
        row = values.get(name)
        if not isinstance(row, dict) or {type(value) for value in row.values()} - {float, int} or not row:
            raise InputError(f"{path}: {name} is no row of numbers; run 'dvc repro evaluate'")
        if row.keys() != values["acc_loc"].keys():
            raise InputError(f"{path}: {name} has other scales than acc_loc; run 'dvc repro evaluate'")
    return values


def card(description: Description) -> str:
    """Return the model card, in Markdown."""
    measured = {row: description.metrics[f"acc_{row}"] for row in ("loc", "obj", "avg")}
    columns = list(measured["avg"])
    words = {"ms": "multi-scale", "loc": "local", "obj": "object", "avg": "mean of both"}
    rows = [f"| {words[row]} | {' | '.join(f'{values[c]:.1f}' for c in columns)} |" for row, values in measured.items()]
    names = description.class_names
    more = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
    network = description.recipe.network
    return CARD.format(
        probabilities=_probabilities(description),
        dataset=description.dataset,
        n=len(names),
        scales=len(description.weights),
        description=recogniser.DESCRIPTION,
        header=" | ".join(words.get(column, f"scale {column}") for column in columns),
        rule=" ---: |" * len(columns),
        rows="\n".join(rows),
        backbone=network.backbone,
        stride=network.stride,
        classifiers=network.n_classifiers,
        edge=description.recipe.prepare.short_edge,
        classes=", ".join(names[:NAMED]) + more,
    )


def _probabilities(description: Description) -> str:
    """Say whether the final answer's probabilities are calibrated, and how well that went on the test split."""
    measured = description.metrics.get("calibration_error", {})
    before, after = (f"{measured[name]:.1f}" if name in measured else "?" for name in ("uncalibrated", "calibrated"))
    fitted, what = description.calibration, "calibration error on the test split"
    if not fitted:
        return f"Its probabilities are not calibrated ({what}, in points: {before})."
    return (
        "The final answer's probabilities are calibrated, those of single scales are not: temperature "
        f"{fitted.temperature:g}, fitted on {fitted.images:,} training images that other networks of the same recipe "
        f"had not seen ({what}, in points: {before} before, {after} after)."
    )
