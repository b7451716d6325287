"""Trainings on folds of the training split, through their stages: what they read, write and leave alone."""

import shutil
from pathlib import Path

import pandas as pd
import pytest

import command_line
from conftest import ALONE, TINY, checkout, write_params
from pipeline.disk import folds, imageset, predictions

pytestmark = pytest.mark.slow
SETTINGS = {"settings": {"variants": ["ours", "baseline"], "seeds": [0], "scales": [1, 2], "folds": [2]}}


@pytest.fixture
def trained(project, finished):
    """A project whose fold 2 has run; its pictures have two training pictures a class, or more."""
    shutil.copytree(finished / "runs/tiny/weights", "runs/tiny/weights")
    for name in ("data/raw/tiny", "data/tiny/scale-1"):
        shutil.copytree(finished / name, name)
        _give_classes_more_training_pictures(Path(name, "index.csv"))
    write_params(project, {"tiny": TINY}, ALONE | SETTINGS)
    checkout(project)
    from dvc.repo import Repo

    Repo.init(str(project), no_scm=True)
    for stage, words in command_line.commands(project).items():
        if "@tiny-fold-2-" in stage:
            command_line.run(*words)
    return project


def _give_classes_more_training_pictures(path):
    """Make two classes of ten: each with ten training pictures and five of the test split."""
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    table["label"] = (table.label.astype(int) % 2).astype(str)
    table.assign(class_name=table.label.map({"0": "a", "1": "b"})).to_csv(path, index=False)


def test_through_all_stages(trained):
    whole = imageset.read(Path("data/tiny/scale-1"))
    official = set(whole.index.id[whole.index.split == "test"])
    held_out = folds.divide(whole, 2).index.query("split == 'test'").id.tolist()
    home = Path("runs/folds/tiny-2")
    for run in ("ours-0", "baseline-0"):
        for scale in (1, 2):
            answers = predictions.read_predictions(home / "attend" / run / f"scale-{scale}")
            assert answers.of("test").id.tolist() == held_out, "at all scales the same"
            assert official.isdisjoint(answers.id)
    crops = imageset.read(Path("data/folds/tiny-2/ours-0/scale-2"))
    assert set(crops.index.id) == set(whole.index.id) - official, "to train on and to test on"
    assert not Path("runs/tiny/train").exists() and not Path("data/tiny/ours-0").exists(), "none of the official split"
    _mlflow_says_which_fold()


def _mlflow_says_which_fold():
    from mlflow import MlflowClient

    found = MlflowClient().search_runs([e.experiment_id for e in MlflowClient().search_experiments()])
    assert {run.data.tags.get("fold") for run in found if run.data.tags["stage"] in ("train", "attend")} == {"2"}
    named = {run.info.run_name for run in found}
    assert "tiny/train-fold-2-ours-0-1" in named and "tiny/attend-fold-2-baseline-0-2" in named
