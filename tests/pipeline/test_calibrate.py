"""What 'pipeline calibrate' fits, against a slow search, and what it writes; DVC itself is not started here."""

import difflib
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import command_line
from conftest import ALONE, TINY, checkout, write_params
from pipeline import calibrate, params, trainings
from pipeline.disk import predictions, temperature
from pipeline.disk.cells import Cell
from pipeline.disk.predictions import Predictions, over_scales
from pipeline.disk.temperature import LEAST, MOST
from pipeline.scheduling import graph

RNG = np.random.default_rng(0)


def answers(images, sureness, classes=5):
    """Probabilities of a network that is as sure as ``sureness`` times what would be believable, and true classes."""
    logits = RNG.normal(0, 2, (images, classes))
    believable = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = np.array([RNG.choice(classes, p=row) for row in believable])
    said = np.exp(sureness * logits)
    return (said / said.sum(axis=1, keepdims=True)).astype(np.float32), labels


def slow_loss(probabilities, labels, t):
    """The mean of -log p_T(true class), one image after the other."""
    total = 0.0
    for row, label in zip(probabilities.astype(float), labels, strict=True):
        powers = [max(p, calibrate.TINY) ** (1 / t) for p in row / row.max()]
        total -= math.log(powers[label] / sum(powers))
    return total / len(labels)


@pytest.mark.parametrize("sureness", [0.4, 1.0, 2.5])
def test_the_fit_is_the_best_of_a_slow_search(sureness):
    p, labels = answers(300, sureness)
    grid = np.geomspace(0.2, 5, 90)
    best = grid[np.argmin([slow_loss(p, labels, t) for t in grid])]
    found = calibrate.fit(p, labels)
    assert found == pytest.approx(best, rel=0.03)
    assert found == pytest.approx(sureness, rel=0.25), "what made it too sure or not sure enough is undone"


def test_the_fit_of_images_that_one_temperature_cannot_tell_apart_is_at_an_edge():
    p, _ = answers(50, 1.0)
    surest, least = p.argmax(axis=1), p.argmin(axis=1)
    assert calibrate.fit(p, surest) == LEAST and calibrate.fit(p[:1], surest[:1]) == LEAST
    assert calibrate.fit(p, least) == MOST and calibrate.fit(p[:1], least[:1]) == MOST
    certain = np.eye(5, dtype=np.float32)
    assert calibrate.fit(certain, np.arange(5)) == 1.0, "which no temperature changes"
    assert calibrate.fit(certain, np.arange(5)[::-1]) > 1 and calibrate.fit(np.ones((3, 1)), np.zeros(3, int)) == 1.0


def test_a_probability_of_zero_for_the_true_class_is_no_end_of_the_fit():
    p, labels = answers(200, 1.0)
    p[0, labels[0]] = 0
    assert 1 < calibrate.fit(p, labels) < MOST


SCALES = [answers(60, 3.0) for _ in range(3)]
LABELS = SCALES[0][1]


@pytest.fixture
def asked(project, monkeypatch):
    """A project where stages are not run: their results are made up. The stages that would have been run."""
    calls = []

    def attend(stages, options):
        calls.append(stages)
        for name in stages:
            fold, _, _, scale = name.removeprefix("attend@tiny-fold-").split("-")
            write_attended(int(fold), int(scale))
        return 0

    monkeypatch.setattr(calibrate.session, "run", attend)
    write_params(project, {"tiny": TINY}, ALONE)
    return calls


def write_attended(fold, scale, **changes):
    p, n = SCALES[scale - 1][0], len(LABELS)
    values = {"id": np.arange(n).astype(str), "split": np.array(["train", *["test"] * (n - 1)]), "label": LABELS}
    folder = Cell("tiny", "ours", 0, scale, fold).below(Path(f"runs/folds/tiny-{fold}/attend"))
    predictions.write_predictions(folder, Predictions(**values | {"loc": p, "obj": p} | changes))


def test_it_runs_three_trainings_fits_their_mean_and_writes_the_recipe(asked):
    said = command_line.run("calibrate", "tiny", "-j", "2")
    assert asked == [[f"attend@tiny-fold-1-ours-0-{scale}" for scale in (1, 2, 3)]]
    block = params.load()["plan"]["tiny"]["calibration"]
    assert block == {"variants": ["ours"], "seeds": [0], "scales": [1, 2, 3], "folds": [1]}
    assert "tiny-fold-1-ours-0-3:" in Path("cells.yaml").read_text()
    found = params.read("tiny").calibration
    assert found.temperature == calibrate.fit(over_scales([p[1:] for p, _ in SCALES]), LABELS[1:])
    assert (found.fold, found.seed, found.images) == (1, 0, 59)
    assert params.read("tiny").calibrated(3) == found
    assert f"temperature {found.temperature:g}, fitted on the 59 images of fold 1" in said and "next: dvc repro" in said
    assert "edge" not in said


def test_twice_changes_nothing_and_another_fold_both_the_plan_and_the_recipe(asked):
    command_line.run("calibrate", "tiny")
    before = Path("params.yaml").read_bytes(), Path("cells.yaml").read_bytes()
    stamp = Path("params.yaml").stat().st_mtime_ns
    assert "calibration says so already" in command_line.run("calibrate", "tiny")
    assert (Path("params.yaml").read_bytes(), Path("cells.yaml").read_bytes()) == before
    assert Path("params.yaml").stat().st_mtime_ns == stamp
    command_line.run("calibrate", "tiny", "--fold", "3")
    assert params.load()["plan"]["tiny"]["calibration"]["folds"] == [3] and params.read("tiny").calibration.fold == 3
    assert asked[-1][0] == "attend@tiny-fold-3-ours-0-1"


def test_of_a_plan_with_scale_1_alone_that_scale_is_calibrated(asked):
    write_params(Path(), {"tiny": TINY}, {"main": ALONE["main"] | {"scales": [1]}})
    command_line.run("calibrate", "tiny")
    assert asked == [["attend@tiny-fold-1-ours-0-1"]]
    assert params.read("tiny").calibrated(1) and not params.read("tiny").calibrated(3)


def test_a_recipe_that_has_changed_since_is_calibrated_anew_and_a_null_is_none(asked):
    for changed in (TINY | {"attend": TINY["attend"] | {"margin": 0.2}}, TINY | {"calibration": None}):
        command_line.run("calibrate", "tiny")
        values = params.load()
        values["recipes"]["tiny"] |= changed
        write_params(Path(), values["recipes"], values["plan"]["tiny"])
        assert not params.read("tiny").calibrated(3)
        command_line.run("calibrate", "tiny")
        assert params.read("tiny").calibrated(3)


def test_comments_and_all_other_lines_stay(asked):
    text = Path("params.yaml").read_text()
    text = text.replace("\nvariants:\n", "\n\n# what is tried\nvariants:\n")
    text = text.replace("    attend:\n", "    attend: # where\n")
    Path("params.yaml").write_text(text)
    command_line.run("calibrate", "tiny")
    changes = list(difflib.ndiff(text.splitlines(), Path("params.yaml").read_text().splitlines()))
    assert not [line for line in changes if line.startswith("-")]
    assert len([line for line in changes if line.startswith("+")]) == 1 + 7


def test_who_shares_the_plan_trains_no_more(asked):
    write_params(Path(), {"tiny": TINY, "other": TINY})
    with params.edit() as values:
        values["plan"]["other"] = "tiny"
    command_line.run("calibrate", "tiny")
    assert [cell for cell in trainings.everything("other") if cell.fold] == []
    assert len([cell for cell in trainings.everything("tiny") if cell.fold]) == 3


def test_an_edge_is_said(asked, monkeypatch):
    right = np.eye(5, dtype=np.float32)[LABELS] * 0.5 + 0.1
    monkeypatch.setattr(sys.modules[__name__], "SCALES", [(right, LABELS)] * 3)
    assert "the best temperature is at the edge of what is allowed, 0.05 to 20" in command_line.run("calibrate", "tiny")


@pytest.mark.parametrize(
    "words, message",
    [
        (["cars"], r"cars: not among the datasets of params.yaml \(tiny\)"),
        (["tiny", "--fold", "4"], "Invalid value for '--fold'"),
        (["tiny", "-j", "0"], "must be 1 or more"),
    ],
)
def test_bad_input_starts_nothing(asked, words, message):
    before = Path("params.yaml").read_text()
    with pytest.raises(AssertionError, match=message):
        command_line.run("calibrate", *words)
    assert not asked and Path("params.yaml").read_text() == before


def test_a_stage_that_fails_writes_no_temperature(asked, monkeypatch):
    monkeypatch.setattr(calibrate.session, "run", lambda *_: 1)
    with pytest.raises(AssertionError, match=r"error: stopped; .* run this again"):
        command_line.run("calibrate", "tiny")
    assert params.read("tiny").calibration is None


@pytest.mark.parametrize("changes", [{"split": np.array(["train"] * 60)}, {"id": np.arange(1, 61).astype(str)}])
def test_predictions_of_other_images_are_one_line(asked, monkeypatch, changes):
    command_line.run("calibrate", "tiny")
    monkeypatch.setattr(calibrate.session, "run", lambda *_: 0)
    write_attended(1, 2, **changes)
    with pytest.raises(AssertionError, match=r"error: runs/folds/tiny-1/attend/ours-0/scale-2: has no images of the"):
        command_line.run("calibrate", "tiny")


def test_dry_says_what_would_be_added_and_run_and_writes_nothing(project, monkeypatch):
    write_params(project, {"tiny": TINY}, ALONE)
    checkout(project)
    subprocess.run([sys.executable, "-m", "dvc", "init", "--no-scm", "--quiet"], check=True)
    before = {path: path.read_bytes() for path in Path().rglob("*") if path.is_file() and path.parts[0] != ".dvc"}
    said = command_line.run("calibrate", "tiny", "--dry")
    after = {path: path.read_bytes() for path in Path().rglob("*") if path.is_file() and path.parts[0] != ".dvc"}
    assert after == before
    assert said.startswith(
        "params.yaml: the plan of tiny would get fold-1-ours-0-1, fold-1-ours-0-2, fold-1-ours-0-3\n"
    )
    forecast = {line.split()[1] for line in said.splitlines() if line.startswith("       ?")}
    assert {f"train@tiny-fold-1-ours-0-{scale}" for scale in (1, 2, 3)} <= forecast
    assert not [name for name in forecast if name.startswith("train@tiny-ours")]
    calls = []
    monkeypatch.setattr(calibrate.session, "run", lambda stages, _: calls.append(graph.read(stages)) or 1)
    with pytest.raises(AssertionError, match="stopped"):
        command_line.run("calibrate", "tiny")
    found = {name for stages, stale in calls for name in stale | graph.below(stages, stale)}
    assert forecast == found, "what is run indeed"
    assert command_line.run("calibrate", "tiny", "--dry").startswith("params.yaml: the plan of tiny has all of it\n")


def test_the_digest_of_the_predictions_is_theirs(asked):
    command_line.run("calibrate", "tiny")
    mean = over_scales([p[1:] for p, _ in SCALES])
    assert params.read("tiny").calibration.predictions == temperature.digest(mean.tobytes() + LABELS[1:].tobytes())
