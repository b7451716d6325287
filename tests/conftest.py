"""What all tests share: a seed, a tracker of their own, and a tiny recipe."""

import shutil
from pathlib import Path

import pytest
import torch
from ruamel.yaml import YAML

import command_line

TINY = {
    "download": {"reader": "birdlets", "seed": 0, "training": 2, "test": 1},
    "prepare": {"short_edge": 64},
    "network": {
        "backbone": "resnet18",
        "weights": "none",
        "stride": 32,
        "n_classifiers": 2,
        "attention": "probability",
    },
    "train": {
        "seed": 0,
        "epochs": 2,
        "batch": 8,
        "crop": 64,
        "lr": 0.001,
        "weight_decay": 0.01,
        "warmup_epochs": 1,
        "batch_norm": "train",
        "precision": "fp32",
        "test_every": 1,
    },
    "attend": {"region": "all", "margin": 0.15, "minimum": 0.5},
    "vary": {"scales": [1]},
}


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


@pytest.fixture
def tiny():
    """A recipe as params.yaml holds it, to be changed at will."""
    return {section: dict(values) for section, values in TINY.items()}


@pytest.fixture
def project(tmp_path, monkeypatch, tiny):
    """An empty project to stand in: its params.yaml has the recipe 'tiny', its MLflow store is its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")
    write_params(tmp_path, tiny=tiny)
    return tmp_path


def write_params(folder: Path, **recipes):
    """Write a params.yaml with some recipes."""
    with (folder / "params.yaml").open("w") as file:
        YAML().dump({"datasets": list(recipes), "variants": [], "recipes": recipes}, file)


@pytest.fixture
def write_recipe(project):
    """Write recipes to the project's params.yaml."""
    return lambda **recipes: write_params(project, **recipes)


@pytest.fixture(autouse=True)
def fresh_accelerate_state():
    """Accelerate keeps its state for the life of a process; each test is a job of its own."""
    yield
    from accelerate.state import AcceleratorState, GradientState

    AcceleratorState._reset_state(reset_partial_state=True)
    GradientState._reset_state()


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """A project whose whole pipeline has run, stage by stage through the command line, on the tiny recipe."""
    folder = tmp_path_factory.mktemp("finished")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder / 'mlflow.db'}")
        patch.setenv("DVC_STAGE", "some-stage@tiny")
        write_params(folder, tiny=TINY)
        (folder / "reports").mkdir()
        shutil.copy(Path(__file__).parents[1] / "reports" / "published.yaml", folder / "reports")
        for command in command_line.stages("tiny"):
            command_line.run(*command.split())
    return folder
