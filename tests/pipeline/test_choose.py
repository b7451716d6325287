"""What is tried on folds, and the table that is read from it; DVC itself is not started here."""

from pathlib import Path

import numpy as np
import pytest

import command_line
from conftest import ALONE, TINY, VARIANTS, write_params
from pipeline import choose, params, plan, trainings
from pipeline.disk import predictions
from pipeline.disk.predictions import Predictions
from pipeline.errors import InputError

N = 6  # held-out images a fold


@pytest.fixture
def ran(project, monkeypatch):
    """The stages that would have been run; each writes answers: ours knows all classes, others know the first one."""
    calls = []
    write_params(project, {"tiny": TINY}, ALONE, VARIANTS | {"smooth": {"train.weight_decay": 0.05}})

    def run(stages, options):
        calls.append(stages)
        for cell in (cell for cell in trainings.everything("tiny") if cell.fold):
            _write(cell)
        return 0

    monkeypatch.setattr(choose.session, "run", run)
    return calls


def _write(cell):
    labels = np.arange(N) % 2
    told = labels if cell.variant == "ours" else np.zeros(N, int)
    p = np.eye(2, dtype=np.float32)[told]
    names = np.array([f"{cell.fold}-{i}" for i in range(N)])
    folder = cell.below(Path("runs", cell.home, "attend"))
    folder.mkdir(parents=True, exist_ok=True)
    predictions.write_predictions(folder, Predictions(names, np.full(N, "test"), labels, p, p, "avg"))


def test_what_is_added_run_and_shown(ran):
    said = command_line.run("choose", "tiny", "--variant", "baseline,smooth", "--out", "docs.md")
    assert params.load()["plan"]["tiny"]["choices"] == {
        "variants": ["ours", "baseline", "smooth"],
        "seeds": [0],
        "scales": [1],
        "folds": [1, 2, 3],
    }
    assert ran[0][:3] == [f"attend@tiny-fold-1-{name}-0-1" for name in ("ours", "baseline", "smooth")]
    assert len(ran[0]) == 9 and not [stage for stage in ran[0] if "fold" not in stage]
    assert "tiny, scale 1: 18 training images, each held out in one of 3 folds" in said
    assert "settings tried: 2 of ours, best ours 100.0%; 1 of baseline, best baseline 50.0%" in said
    assert Path("docs.md").read_text() in said
    before = Path("params.yaml").read_bytes()
    assert command_line.run("choose", "tiny").splitlines()[1:] == said.splitlines()[1:]
    assert Path("params.yaml").read_bytes() == before, "what was tried is tried no second time"


def test_dry_says_what_would_run_and_writes_nothing(ran, monkeypatch):
    asked, before = [], Path("params.yaml").read_bytes()
    monkeypatch.setattr(choose.graph, "read", lambda stages, instead: asked.append((stages, instead)) or ({}, set()))
    monkeypatch.setattr(choose.forecast, "show", lambda *_: print("forecast"))
    assert command_line.run("choose", "tiny", "--variant", "smooth", "--dry") == "forecast\n"
    ((stages, instead),) = asked
    assert len(stages) == 6 and stages[-1] == "attend@tiny-fold-3-smooth-0-1" and not ran
    assert "variants: [ours, smooth]" in instead[params.PATH] and "tiny-fold-3-smooth-0-1:" in instead[plan.PATH]
    assert Path("params.yaml").read_bytes() == before and not Path("cells.yaml").exists()


def test_nothing_was_tried_yet(ran):
    with pytest.raises(InputError, match="tiny: nothing was tried on folds yet; say --variant"):
        choose.run("tiny", [], None, None)
    assert not ran


@pytest.mark.parametrize("words, said", [(("tiny", ["nobody"]), "no variant 'nobody'"), (("x", []), "x: not among")])
def test_what_there_is_not(ran, words, said):
    before = Path("params.yaml").read_bytes()
    with pytest.raises(InputError, match=said):
        choose.run(*words, None, None)
    assert Path("params.yaml").read_bytes() == before


def test_a_stage_that_fails(ran, monkeypatch):
    monkeypatch.setattr(choose.session, "run", lambda *_: 1)
    with pytest.raises(InputError, match="stopped"):
        choose.run("tiny", ["baseline"], None, None)
