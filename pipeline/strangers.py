"""Command: ask an exported model about pictures of no class, to see what a threshold does to them."""

import sys
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline import recogniser
from pipeline.disk import text
from pipeline.errors import InputError
from pipeline.predicting import asking, strangers
from pipeline.predicting.rows import plain
from pipeline.recogniser import Description

NAME = "strangers"  # of the files
NONE = "no answers"  # instead of a share of them
ROUNDING = 1e-6  # by which two means of the same hits may differ


@dataclass(frozen=True)
class Wanted:
    """How the model is asked, and where table and figure go."""

    out: Path | None
    device: str
    batch: int | None  # pictures of one shape that a network sees at once; None: what suits the device


def run(words: list[str], model: Path | None, evaluated: Path | None, wanted: Wanted) -> int:
    """Print what each threshold does to these pictures and to the test pictures; return the exit status.

    words      files, folders, or '-' for names on standard input: pictures that belong to no class of the model
    model      what the export stage wrote; None for the only one below runs/
    evaluated  what the evaluate stage wrote of this model; None for the folder 'evaluate' beside it
    """
    asking.check_out(wanted.out)
    model = asking.only_model() if model is None else model
    description = recogniser.read(model)
    known, right = read_evaluated(model.parent / "evaluate" if evaluated is None else evaluated, description)
    asked_for, _ = asking.pictures(words)
    with redirect_stdout(sys.stderr):  # standard output has the table and nothing else
        ready = asking.load(model, description, wanted.device)
    confidence = []
    for source, answer, error in asking.answers(ready, asked_for, wanted.batch):
        if answer is None:
            print(f"{plain(source.path)}: {plain(error)}", file=sys.stderr)
        else:
            confidence.append(answer.probabilities.max())
    if not confidence:
        raise InputError(f"{' '.join(map(plain, words))}: no picture there can be answered for")
    measured = known, right, np.array(confidence, dtype=float).round(strangers.DIGITS)
    _tell(description.dataset, *measured, wanted.out)
    return 1 if len(confidence) < len(asked_for) else 0


def read_evaluated(folder: Path, description: Description) -> tuple[np.ndarray, np.ndarray]:
    """Read the confidence of each test picture's answer (N,), 0 to 1, and whether it is right (N,).

    Raises InputError where they are missing, or of another model by the accuracies that this one's description has.
    """
    path, way_out = folder / "predictions.csv", "name with --evaluated what evaluated this model, or run 'dvc repro'"
    scales = [f"scale_{scale}" for scale in range(1, len(description.weights) + 1)]
    answers = text.read_table(path, {"confidence": float}, ["true", *scales, "ms", "confidence"], way_out)
    if answers.empty or not answers.confidence.between(0, 1).all():
        raise InputError(f"{path}: has no rows, or a confidence that is no probability; {way_out}")
    measured = description.metrics["acc_avg"]
    found = {str(n): 100 * float((answers[name] == answers.true).mean()) for n, name in enumerate(scales, start=1)}
    if any(abs(value - measured.get(scale, np.inf)) > ROUNDING for scale, value in found.items()):
        raise InputError(f"{path}: is of another model, by its accuracies; {way_out}")
    return answers.confidence.to_numpy(), (answers.ms == answers.true).to_numpy()


def _tell(dataset: str, known: np.ndarray, right: np.ndarray, strange: np.ndarray, out: Path | None) -> None:
    """Print the table and the area under the ROC curve; write the table, and the figure, to the folder ``out``."""
    from pipeline.reporting import figures, tables  # slow to import

    found = strangers.table(known, right, strange)
    area, low, high = strangers.auroc(known, strange)
    print(f"{dataset}: {len(known):,} test pictures, {100 * right.mean():.1f}% right; {len(strange):,} strangers\n")
    shown = found.astype({strangers.RIGHT: object}).fillna({strangers.RIGHT: NONE})
    print(tables.to_markdown(shown.rename(index="--threshold {}".format)))
    print(f"AUROC {area:.3f} [{low:.3f}, {high:.3f}]: how often a test picture is surer than a stranger; 0.5 is chance")
    if out is not None:
        tables.write(found, out / NAME)
        figures.save(strangers.draw(known, right, strange), out / NAME)
        print(out, file=sys.stderr)
