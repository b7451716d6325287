"""A bug keeps its traceback: only what reads a user's file turns errors into lines."""

from pathlib import Path

import pytest
from ruamel.yaml import YAML
from typer.testing import CliRunner

from conftest import ROOT
from made_up import ATTEND, IMAGES, TRAIN, jpeg, scales, words
from pipeline import check, compare, download, evaluate, images, plan, weights
from pipeline.cli import app
from pipeline.disk import imageset
from pipeline.reporting import claims
from pipeline.training import accelerator, trained


def bug(*_, **__):
    raise KeyError("a bug")


METRICS = "reports/metrics/tiny"
INSIDE = {  # a stage, and what is called in the middle of it
    "plan": (plan, "spell"),
    "download": (download.files, "atomic_write"),
    "prepare": (images, "cut_all"),
    "train": (accelerator, "start"),
    "attend": (trained, "read_recipe"),
    "weights": (weights, "read"),
    "crop": (images, "cut_all"),
    "evaluate": (evaluate, "accuracies"),
    "measure": (accelerator, "start"),
    "export": (trained, "read_recipe"),
    "compare": (compare, "hits"),
    "report": (claims, "judge"),
    "check": (check, "_compare"),
}


@pytest.mark.parametrize("name", INSIDE)
def test_a_bug_in_a_stage_keeps_its_traceback(here, monkeypatch, name):
    Path("raw").mkdir(exist_ok=True)
    index = scales()[0].images.index
    for file in index.file:
        Path("mine", file).parent.mkdir(parents=True, exist_ok=True)
        Path("mine", file).write_bytes(jpeg(0))
    imageset.write_originals(Path("raw"), index, Path("mine"), {})
    raw, seen = ["--raw", "raw"], ["--images", IMAGES]
    commands = {
        "download": ["--out", "out"],
        "prepare": [*raw, "--out", "out"],
        "train": [*seen, "--out", "out"],
        "attend": ["--trained", TRAIN, *seen, "--out", "out"],
        "crop": [*raw, "--attended", ATTEND, *seen, "--out", "out"],
        "export": ["1", "--trained", "runs/tiny/train", *seen, "--metrics", f"{METRICS}.json", "--out", "out"],
        "measure": [*seen, "--out", "out.json"],
        "weights": ["--out", "out.safetensors"],
    }
    monkeypatch.setattr(*INSIDE[name], bug)
    with pytest.raises(KeyError, match="a bug"):
        command = [name, "tiny", *commands[name]] if name in commands else words(name)
        CliRunner().invoke(app, command, catch_exceptions=False)


def test_every_stage_has_such_a_bug():
    assert set(YAML(typ="safe").load(ROOT / "dvc.yaml")["stages"]) <= set(INSIDE)
