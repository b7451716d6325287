"""What all tests share: a seed, a tracker of their own, and a tiny recipe."""

import copy
import fcntl
import os
import shutil
from pathlib import Path

import pytest
import torch
from ruamel.yaml import YAML

import command_line

ROOT = Path(__file__).parents[1]
TINY = {
    "download": {"reader": "birdlets", "seed": 0, "training": 2, "test": 1},
    "prepare": {"short_edge": 64},
    "network": {
        "backbone": "test_resnet",  # timm's, made for tests: a thirtieth of resnet18
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
        "threads": 1,
        "test_every": 1,
    },
    "attend": {"region": "all", "margin": 0.15, "minimum": 0.5},
}
VARIANTS = {
    "ours": {},
    "baseline": {"network.n_classifiers": 0},
    "local": {"train.loss": "local"},
    "object": {"train.loss": "object"},
    "centred": {"attend.crops": "centre"},
    "two-heads": {"network.n_classifiers": 0, "network.second_head": True},
    "n-1": {"network.n_classifiers": 1},
}
ALONE = {"main": {"variants": ["ours"], "seeds": [0], "scales": [1, 2, 3]}}
PLAN = {
    "main": {"variants": ["ours", "baseline"], "seeds": [0], "scales": [1, 2, 3]},
    "repeated": {"variants": ["ours", "baseline"], "seeds": [1], "scales": [1]},
    "controls": {"variants": ["centred", "two-heads"], "seeds": [0], "scales": [1, 2]},
    "own": {"variants": ["n-1"], "seeds": [0], "scales": [1, 2]},
    "table-5": {"variants": ["local", "object"], "seeds": [0], "scales": [1]},
}


def pytest_configure(config):
    """Hide the GPUs, from this process and from those that tests start, unless the tests with the marker are asked for.

    Tests compare a CPU's numbers, and put two processes where there may be one GPU. DVC starts a process with each
    command that reports what was called; here it would take longer than the command.
    """
    os.environ["DVC_NO_ANALYTICS"] = "1"
    if config.option.markexpr != "gpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = ""


def pytest_collection_modifyitems(items):
    """Begin with the files that take long: a worker runs a whole file, and the last one should not wait for it."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)
    for item in items:
        if item.get_closest_marker("gpu") and not torch.cuda.is_available():
            item.add_marker(pytest.mark.skip(reason="no GPU here that pytest was told to use by '-m gpu'"))


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


@pytest.fixture
def tiny():
    """A recipe as params.yaml holds it, to be changed at will."""
    return copy.deepcopy(TINY)


def once(tmp_path_factory, name: str, make):
    """Return the path of what ``make`` writes there; the first of pytest's workers that needs it makes it for all."""
    base = tmp_path_factory.getbasetemp()
    path = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / name
    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.with_suffix(".done").exists():
            make(path)
            path.with_suffix(".done").touch()
    return path


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory):
    """MLflow's store before its first run. To set up its tables takes as long as many a test; to copy it no time."""

    def create(path: Path):
        import mlflow

        mlflow.MlflowClient(f"sqlite:///{path}").search_experiments()

    return once(tmp_path_factory, "mlflow.db", create)


@pytest.fixture
def project(tmp_path, monkeypatch, tiny, empty_store):
    """An empty project to stand in: its params.yaml has the recipe 'tiny', its MLflow store is its own."""
    shutil.copy(empty_store, tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")
    write_params(tmp_path, {"tiny": tiny})
    return tmp_path


def write_params(folder: Path, recipes, plan=ALONE, variants=VARIANTS):
    """Write a params.yaml with some recipes, all of them run and all with one plan."""
    plans = {name: copy.deepcopy(plan) for name in recipes}
    values = {"recipes": recipes, "variants": variants, "plan": plans, "datasets": list(recipes)}
    with (folder / "params.yaml").open("w") as file:
        YAML().dump(values, file)


@pytest.fixture
def write_recipe(project):
    """Write recipes to the project's params.yaml."""
    return lambda **recipes: write_params(project, recipes)


def checkout(folder: Path):
    """Put there what DVC reads of this project besides params.yaml: dvc.yaml, cells.yaml and the code."""
    for name in ("model", "pipeline"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("dvc.yaml", ".dvcignore"):
        shutil.copy(ROOT / name, folder)
    (folder / "reports").mkdir(exist_ok=True)
    shutil.copy(ROOT / "reports" / "published.yaml", folder / "reports")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        command_line.run("plan")


def run_pipeline(folder: Path):
    """Run what params.yaml plans in a folder that is stood in: dvc.yaml's commands, in this process."""
    from dvc.repo import Repo

    checkout(folder)
    Repo.init(str(folder), no_scm=True)
    for words in command_line.commands(folder).values():
        command_line.run(*words)


@pytest.fixture(autouse=True)
def fresh_accelerate_state():
    """Accelerate keeps its state for the life of a process; each test is a job of its own."""
    yield
    from accelerate.state import AcceleratorState, GradientState

    AcceleratorState._reset_state(reset_partial_state=True)
    GradientState._reset_state()


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """A project whose whole pipeline has run on the tiny recipe: dvc.yaml's commands, in one process.

    Tests only read it.
    """
    return once(tmp_path_factory, "finished", build)


def build(folder: Path):
    """Run the whole pipeline in a new folder."""
    folder.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder / 'mlflow.db'}")
        patch.setenv("DVC_STAGE", "some-stage@tiny")
        write_params(folder, {"tiny": TINY}, PLAN)
        run_pipeline(folder)


@pytest.fixture(scope="session")
def calibrated(finished, tmp_path_factory):
    """The finished project with a temperature of 0.5 in its recipe, evaluated and exported anew; tests only read it."""

    def make(folder: Path):
        folder.mkdir()
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(folder)
            patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder / 'mlflow.db'}")
            calibrate(finished)

    return once(tmp_path_factory, "calibrated", make)


def calibrate(finished: Path):
    """Make, in the folder that is stood in, of a finished project one whose recipe has a temperature."""
    from pipeline import params
    from pipeline.disk import temperature

    for name in ("data", "runs/tiny/train", "runs/tiny/attend"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).symlink_to(finished / name)
    fitted = {"temperature": 0.5, "fold": 1, "seed": 0, "images": 7, "predictions": "sha256-0"}
    fitted["recipe"] = temperature.fitted_on(params.read("tiny", path=finished / "params.yaml"), 3)
    write_params(Path(), {"tiny": TINY | {"calibration": fitted}}, PLAN)
    given = ["tiny", "1", "2", "3", "--images", "data/tiny/scale-1", "--metrics", "reports/metrics/tiny.json"]
    command_line.run("evaluate", *given, "--attended", "runs/tiny/attend", "--out", "runs/tiny/evaluate")
    command_line.run("export", *given, "--trained", "runs/tiny/train", "--out", "runs/tiny/model")
