"""Asking about strangers by the command line: as 'predict' answers, beside the evaluation of the same model."""

import re
import shutil
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from pipeline.cli import app
from pipeline.datasets import birdlets
from pipeline.disk import imageset
from pipeline.predicting.strangers import ANSWERED, STRANGERS


@pytest.fixture
def here(finished, tmp_path, monkeypatch):
    """A folder to stand in, with the model, its evaluation, and its test originals in the folder 'known'."""
    monkeypatch.chdir(tmp_path)
    for name in ("model", "evaluate"):
        shutil.copytree(finished / "runs/tiny" / name, tmp_path / "runs/tiny" / name)
    index, pack = imageset.read_originals(finished / "data/raw/tiny")
    (tmp_path / "known").mkdir()
    for row in index[index.split == "test"].itertuples():
        (tmp_path / "known" / Path(row.file).name).write_bytes(pack.read(row.file))
    return tmp_path


def ask(*words, status=0):
    """Run 'pipeline strangers'; return standard output and standard error."""
    result = CliRunner().invoke(app, ["strangers", "--device", "cpu", *map(str, words)])
    assert result.exit_code == status, result.output
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.stdout, result.stderr


def test_test_pictures_taken_for_strangers_cannot_be_told_from_themselves(here):
    """They get the evaluation's confidences: the same shares at each threshold, and an area of exactly a half."""
    said, _ = ask("known", "--out", "out")
    table = pd.read_csv("out/strangers.csv")
    assert table[STRANGERS].tolist() == table[ANSWERED].tolist() and 90 <= table[ANSWERED].max() <= 100
    assert "AUROC 0.500 [" in said and said.startswith("tiny: 10 test pictures, ") and "; 10 strangers\n" in said
    assert all(f"| --threshold {threshold:g} " in said for threshold in table.threshold)
    written = {path.name for path in Path("out").iterdir()}
    assert written == {f"strangers.{kind}" for kind in ("csv", "md", "tex", "png", "svg")}


def test_at_a_threshold_as_many_are_answered_as_predict_answers(here):
    for n, name in enumerate(list(birdlets.OTHERS)[:6]):
        birdlets.Image.fromarray(birdlets.draw(name, f"a stranger {n}")[0]).save(here / f"{name}.bmp")
    pictures = sorted(map(str, here.glob("*.bmp")))
    ask(*pictures, "--out", "out")
    rows = CliRunner().invoke(app, ["predict", "--device", "cpu", "--format", "csv", *pictures]).stdout
    sure = [float(line.split(",")[6]) for line in rows.splitlines()[1:]]
    for row in pd.read_csv("out/strangers.csv").itertuples():
        assert row[2] == pytest.approx(100 * sum(round(one, 4) >= row.threshold for one in sure) / len(sure), abs=1e-3)


def test_what_is_no_picture_is_said_and_the_others_are_counted(here):
    (here / "known/page.jpg").write_text("<html>")
    said, wrong = ask("known", status=1)
    assert "; 10 strangers\n" in said and "known/page.jpg: cannot be decoded" in wrong
    said, wrong = ask("known/page.jpg", status=1)
    assert not said and wrong.splitlines()[-1] == "error: known/page.jpg: no picture there can be answered for"


def test_an_evaluation_that_lies_elsewhere_is_named(here):
    shutil.move("runs/tiny/evaluate", "moved")
    said, wrong = ask("known", status=1)
    assert not said and re.search(r"error: runs/tiny/evaluate/predictions.csv: missing; name with --evaluated", wrong)
    assert "AUROC" in ask("known", "--evaluated", "moved")[0]


def wrong_answers(table):
    return table.assign(scale_2=table.true.where(table.scale_2 != table.true, "no class"))


def no_rows(table):
    return table[:0]


def too_sure(table):
    return table.assign(confidence=1.5)


@pytest.mark.parametrize(
    "change, message",
    [
        (wrong_answers, "is of another model, by its accuracies; name with --evaluated"),
        (no_rows, "has no rows, or a confidence that is no probability; name with --evaluated"),
        (too_sure, "has no rows, or a confidence that is no probability; name with --evaluated"),
    ],
)
def test_an_evaluation_of_another_model_is_one_line_before_any_network_is_loaded(here, monkeypatch, change, message):
    monkeypatch.setattr("pipeline.predicting.asking.load", lambda *_: 1 / 0)
    path = Path("runs/tiny/evaluate/predictions.csv")
    change(pd.read_csv(path)).to_csv(path, index=False)
    said, wrong = ask("known", status=1)
    assert not said and f"error: {path}: {message}" in wrong and len(wrong.splitlines()) == 1


@pytest.mark.parametrize(
    "words, message",
    [
        (["runs/tiny/model"], "no pictures there"),
        (["known", "--out", "known"], "error: --out: known: is there already and is no empty folder; name a new one"),
        (["known", "--model", "nowhere"], "error: nowhere: has no model.json"),
    ],
)
def test_what_cannot_be_meant_is_one_line_before_any_network_is_loaded(here, monkeypatch, words, message):
    monkeypatch.setattr("pipeline.predicting.asking.load", lambda *_: 1 / 0)
    said, wrong = ask(*words, status=1)
    assert not said and message in wrong and len(wrong.splitlines()) == 1
