"""Command: fit the temperature of the final answer on a fold of the training split, and write it into the recipe.

The networks of the recipe cannot tell: they have seen all training images, and nothing is chosen on test images. So the
same recipe is trained on the other folds, and what these networks answer for the fold's images decides.
"""

from pathlib import Path

import numpy as np

from pipeline import params, plan, trainings
from pipeline.blocks import growing
from pipeline.disk import comments, predictions, temperature
from pipeline.disk.cells import Cell
from pipeline.disk.predictions import over_scales
from pipeline.disk.temperature import LEAST, MOST, Calibration, tempered
from pipeline.errors import InputError
from pipeline.params import OURS
from pipeline.reporting import calibration
from pipeline.scheduling import forecast, graph, session
from pipeline.scheduling.coordinator import PASSED, Options

BLOCK = "calibration"  # of a plan; this command's own
SEED = 0
TINY = float(np.finfo(np.float32).tiny)  # for a probability of 0: its logarithm is none


def run(dataset: str, fold: int, options: Options) -> None:
    """Train what is missing, as DVC stages; fit; write the section; say how well it went and what comes next.

    Raises InputError where a stage fails or is stopped; what was finished is cached.
    """
    cells = _wanted(dataset, fold)
    _add(dataset, cells)
    plan.run([], checked=False)
    if session.run(_stages(cells), options) != PASSED:
        raise InputError("stopped; what is said above is the reason. What was finished is cached: run this again")
    answers, labels = _read(cells)
    fitted = _describe(params.read(dataset), cells, answers, labels)
    written = _write(dataset, fitted)
    _say(dataset, fitted, answers, labels)
    print(f"{params.PATH}: recipes.{dataset}.calibration {'is written' if written else 'says so already'}")
    print("next: dvc repro    (evaluate, export and report apply it; the report has the error on the test split)")


def dry(dataset: str, fold: int) -> None:
    """Print what ``run`` would add to the plan, and what it would run then; write nothing."""
    cells = _wanted(dataset, fold)
    planned = trainings.everything(dataset)
    with plan.in_a_copy() as instead:
        _add(dataset, cells)
    plan.check_files(instead[plan.PATH])
    added = [cell for cell in cells if cell not in planned]
    would = f"would get {', '.join(map(str, added))}" if added else "has all of it"
    print(f"{params.PATH}: the plan of {dataset} {would}")
    forecast.show(*graph.read(_stages(cells), instead=instead))


def fit(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Return the temperature, LEAST to MOST, at which the true classes are most likely.

    It minimises the mean of -log p_T(true class) over the images: Guo et al., On Calibration of Modern Neural Networks.

    probabilities  (N, L), the mean over the scales
    labels         (N,) the true classes
    """
    from scipy.optimize import minimize_scalar
    from scipy.special import log_softmax

    logs = np.log(np.maximum(probabilities.astype(np.float64), TINY))

    def loss(exponent: float) -> float:
        return -float(log_softmax(logs / np.exp(exponent), axis=1)[np.arange(len(labels)), labels].mean())

    ends = float(np.log(LEAST)), float(np.log(MOST))
    inside = minimize_scalar(loss, bounds=ends, method="bounded", options={"xatol": 1e-5}).x
    best = min((0.0, *ends, float(inside)), key=loss)  # no change where none helps; the search stays off the ends
    return min(max(float(f"{np.exp(best):.3g}"), LEAST), MOST)


def _wanted(dataset: str, fold: int) -> list[Cell]:
    """Return the trainings that are needed: ours with the recipe's own seed at each scale, on a fold."""
    known = trainings.read_datasets()
    if dataset not in known:
        raise InputError(f"{dataset}: not among the datasets of {params.PATH} ({', '.join(known)})")
    params.read(dataset)
    return [Cell(dataset, OURS, SEED, scale, fold) for scale in trainings.scales(trainings.read(dataset))]


def _add(dataset: str, cells: list[Cell]) -> None:
    """Let the plan have these trainings, for this dataset alone."""
    if set(cells) <= set(trainings.everything(dataset)):
        return
    folds, scales = sorted({cell.fold for cell in cells}), sorted({cell.scale for cell in cells})
    line = comments.in_one_line({"variants": [OURS], "seeds": [SEED], "scales": scales, "folds": folds})
    with params.edit() as values, growing(values["plan"]) as plans:
        if BLOCK in plans[dataset]:
            plans[dataset][BLOCK].update(line)
        else:
            comments.append(plans[dataset], BLOCK, line)


def _stages(cells: list[Cell]) -> list[str]:
    return [f"attend@{cell.dataset}-{cell}" for cell in cells]


def _read(cells: list[Cell]) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean over scales (N, L) for the fold's images, as those networks answer, and the true classes."""
    folders = [cell.below(Path("runs", cell.home, "attend")) for cell in cells]
    scales = [predictions.read_predictions(folder).of("test") for folder in folders]
    for scale, folder in zip(scales, folders, strict=True):
        if not len(scale.id) or not scale.is_about_the_images_of(scales[0]):
            raise InputError(f"{folder}: has no images of the fold, or others than {folders[0]}; run this again")
    return over_scales([scale.avg for scale in scales], scales[0].averaging), scales[0].label


def _describe(recipe: params.Recipe, cells: list[Cell], answers: np.ndarray, labels: np.ndarray) -> Calibration:
    return Calibration(
        temperature=fit(answers, labels),
        fold=cells[0].fold,
        seed=cells[0].seed,
        images=len(labels),
        predictions=temperature.digest(answers.tobytes() + labels.tobytes()),
        recipe=temperature.fitted_on(recipe, len(cells)),
    )


def _write(dataset: str, fitted: Calibration) -> bool:
    """Write the section, unless the recipe has it already; say whether it was written."""
    if params.read(dataset).calibration == fitted:
        return False
    section = comments.block(fitted.model_dump())
    with params.edit() as values:
        recipe = values["recipes"][dataset]
        if recipe.get("calibration"):
            recipe["calibration"].update(section)
        else:
            recipe.pop("calibration", None)
            comments.append(recipe, "calibration", section)
    return True


def _say(dataset: str, fitted: Calibration, answers: np.ndarray, labels: np.ndarray) -> None:
    right = answers.argmax(axis=1) == labels
    before, after = (
        calibration.expected_error(calibration.reliability(p.max(axis=1), right))
        for p in (answers, tempered(answers, fitted.temperature))
    )
    print(
        f"{dataset}: temperature {fitted.temperature:g}, fitted on the {fitted.images:,} images of fold {fitted.fold} "
        f"({right.sum():,} of them right); calibration error there {before:.1f} points before and {after:.1f} after, "
        "which is rather too good, as it was fitted there"
    )
    if fitted.temperature in (LEAST, MOST):
        print(
            f"the best temperature is at the edge of what is allowed, {LEAST:g} to {MOST:g}: these images are too few, "
            "or all right or all wrong; another --fold may tell more"
        )
