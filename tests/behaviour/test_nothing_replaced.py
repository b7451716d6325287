"""A stage that is run by hand replaces what a stage of its kind wrote, and nothing else."""

import os
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipeline.cli import app

READS = "--attended runs/tiny/attend"
FOLDERS = {
    "download": "download tiny --out {}",
    "prepare": "prepare tiny --raw data/raw/tiny --out {}",
    "attend": "attend tiny --trained runs/tiny/train/ours-0/scale-1 --images data/tiny/scale-1 --out {}",
    "crop": "crop tiny --raw data/raw/tiny --attended runs/tiny/attend/ours-0/scale-1 --images data/tiny/scale-1 "
    "--out {}",
    "report": "report tiny 1 2 3 --runs runs/tiny --data data/tiny --taken data/raw/tiny/taken.json --reports reports "
    "--out {}",
}
FILES = {
    "weights": "weights tiny --out {}",
    "measure": "measure tiny --images data/tiny/scale-1 --out {}",
    "compare": f"compare tiny {READS} --trained runs/tiny/train --metrics {{}}",
    "evaluate": f"evaluate tiny 1 {READS} --images data/tiny/scale-1 --out new --metrics {{}}",
}


@pytest.fixture
def copy(tmp_path, monkeypatch, finished):
    """A copy of the finished project to stand in; its files are links, which costs no space."""
    shutil.copytree(finished, tmp_path / "copy", copy_function=os.link)
    monkeypatch.chdir(tmp_path / "copy")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")
    return tmp_path / "copy"


def contents():
    """What identifies each file: its number, size and time."""
    found = {path: path.stat() for path in Path().rglob("*") if path.is_file()}
    return {path: (one.st_ino, one.st_size, one.st_mtime_ns) for path, one in found.items()}


def refused(line):
    before = contents()
    result = CliRunner().invoke(app, line.split())
    assert result.exit_code == 1 and result.output.startswith("error: ") and result.output.count("\n") == 1, (
        result.output,
        result.exception,
    )
    assert contents() == before
    return result.output


@pytest.mark.parametrize("place", ["runs/tiny", "runs/tiny/train/ours-0", "data/photos", "data/tiny", "data/lists"])
@pytest.mark.parametrize("stage", FOLDERS)
def test_a_folder_that_holds_anything_else_is_not_replaced(copy, stage, place):
    """Trainings of hours, a user's photos in data/, an index.csv of a user's own."""
    Path("data/photos").mkdir()
    Path("data/photos/gull.jpg").write_bytes(b"the only copy")
    Path("data/lists").mkdir()
    Path("data/lists/index.csv").write_text("mine")
    assert "lies where this stage writes its results; move it elsewhere" in refused(FOLDERS[stage].format(place))


@pytest.mark.parametrize("stage", ["prepare", "crop", "attend", "report"])
def test_the_originals_are_not_replaced_by_what_is_made_of_them(copy, stage):
    assert "data/raw/tiny/" in refused(FOLDERS[stage].format("data/raw/tiny"))


@pytest.mark.parametrize("place", ["README.md", "params.yaml", "data/README.md", "reports/published.yaml"])
@pytest.mark.parametrize("stage", FILES)
def test_a_file_of_the_users_is_not_replaced(copy, stage, place):
    Path(place).touch()
    assert f"error: {place}: is there, and would be replaced; " in refused(FILES[stage].format(place))


def test_weights_that_lie_where_a_training_would_write(copy):
    Path("mine").mkdir()
    Path("mine/weights.safetensors").write_bytes(b"mine")
    assert "name a new file" in refused("train tiny --images data/tiny/scale-1 --out mine")


def test_a_stage_replaces_its_own(copy):
    for stage, place in {"prepare": "data/tiny/scale-1", "report": "reports/tiny"}.items():
        result = CliRunner().invoke(app, FOLDERS[stage].format(place).split(), catch_exceptions=False)
        assert result.exit_code == 0, result.output
    for stage, place in {"compare": "reports/metrics/tiny.variants.json", "measure": "runs/tiny/cost.json"}.items():
        result = CliRunner().invoke(app, FILES[stage].format(place).split(), catch_exceptions=False)
        assert result.exit_code == 0, result.output
