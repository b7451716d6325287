"""What a stage depends on is the code that decides what it writes."""

import ast
import json
from pathlib import Path

import networkx
import pytest

import command_line
import forked
from conftest import ROOT
from pipeline.training import checkpoint
from source_code import STAGES, graph, imports, parse

pytestmark = pytest.mark.slow
IGNORED = {"model/boxes.py"}  # by DVC, as a part of its folder

# They decide whether a stage runs and who hears of it, not what it writes.
NOT_DEPS = {
    "pipeline/cli.py": "commands that are no stages",
    "pipeline/cli_stages.py": "hands the words of the command, which DVC compares, to the stage",
    "pipeline/errors.py": "words for the user",
    "pipeline/tracking/run.py": "what MLflow gets is no output",
    "pipeline/tracking/mlflow_store.py": "the same",
    "pipeline/tracking/outbox.py": "the same",
}

# Files inside a folder that a stage names, which it does not use: the price of naming folders.
NAMED_AND_NOT_USED = {
    "plan": {"pipeline/disk/locks.py", "pipeline/disk/predictions.py"},
    "weights": {f"pipeline/disk/{name}.py" for name in ("cells", "folds", "locks", "predictions")},
    "download": {f"pipeline/disk/{name}.py" for name in ("folds", "locks", "predictions")},
    "prepare": {f"pipeline/disk/{name}.py" for name in ("cells", "folds", "locks", "predictions")},
    "crop": {"pipeline/disk/cells.py", "pipeline/disk/locks.py"},
    "measure": {"pipeline/disk/cells.py", "pipeline/disk/folds.py", "pipeline/training/trained.py"},
    "evaluate": {"pipeline/disk/folds.py"},
    "export": {"pipeline/disk/folds.py"},
    "report": {"pipeline/disk/folds.py"}
    | {f"pipeline/reporting/{name}.py" for name in ("calibration", "choices", "floors", "overlaps", "summary")},
}


def stage(name):
    return STAGES[name].get("do", STAGES[name])


def files_of(names):
    """List the files of code that some dependencies name, and those of folders but for what DVC ignores."""
    names = {name for name in names if f"{name}/".startswith(("model/", "pipeline/"))}
    inside = {path.relative_to(ROOT).as_posix() for name in names for path in (ROOT / name).rglob("*.py")}
    return {name for name in names if name.endswith(".py")} | (inside - IGNORED)


def used_by(name):
    """List the files of code that a stage uses: what its command imports, and all that this imports."""
    command = next(node for node in parse(ROOT / "pipeline/cli_stages.py").body if getattr(node, "name", "") == name)
    start = set(imports(command))
    found = start.union(*(networkx.descendants(graph(), path) for path in start))
    folders = {path.parent / "__init__.py" for path in found}
    defined = {path for path in found | folders if defines(path)}
    return {path.relative_to(ROOT).as_posix() for path in defined} - set(NOT_DEPS)


def defines(path):
    """Whether a module has a constant or a function; a package's docstring decides nothing."""
    kinds = (ast.Assign, ast.AnnAssign, ast.FunctionDef, ast.ClassDef)
    return path.exists() and any(isinstance(node, kinds) for node in parse(path).body)


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_depends_on_the_code_that_decides_what_it_writes_and_on_no_other(name):
    declared = {dep for dep in stage(name)["deps"] if f"{dep}/".startswith(("model/", "pipeline/"))}
    used, inside = used_by(name), files_of(declared)
    assert used <= inside, f"dvc.yaml: {name} uses {sorted(used - inside)}"
    idle = [dep for dep in declared if not files_of([dep]) & used]
    assert not idle, f"dvc.yaml: {name} names {idle}, of which it uses nothing"
    unused = {file for file in inside - used if defines(ROOT / file)}
    assert unused == NAMED_AND_NOT_USED.get(name, set())


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_runs_the_command_of_its_name(name):
    words = stage(name)["cmd"].removeprefix(command_line.PREFIX).split()
    assert stage(name)["cmd"].startswith(command_line.PREFIX)
    assert words[: 1 + (words[0] == "launch")] == (["launch", name] if name in ("train", "attend") else [name])


def test_what_dvc_ignores_is_named_by_the_stage_that_uses_it():
    lines = (ROOT / ".dvcignore").read_text().splitlines()
    assert {line.removeprefix("/") for line in lines if line.endswith(".py") and not line.startswith("!")} == IGNORED
    assert set(checkpoint.IGNORED) == IGNORED and "model/boxes.py" in stage("attend")["deps"]


def test_a_checkpoint_belongs_to_the_code_that_dvc_watches_for_a_training():
    declared = [dep for dep in stage("train")["deps"] if f"{dep}/".startswith(("model/", "pipeline/"))]
    assert sorted(checkpoint.CODE) == sorted(declared)


def test_what_is_no_dependency_is_a_short_list():
    assert len(NOT_DEPS) <= 6 and all((ROOT / name).is_file() for name in NOT_DEPS)


LOADED = """
import json, sys
from pipeline.cli import app
try:
    app({words}, prog_name="pipeline", standalone_mode=False)
finally:
    ours = [module for name, module in sys.modules.items() if name.split(".")[0] in ("model", "pipeline")]
    print()
    print(json.dumps([module.__file__ for module in ours if module.__file__]))
"""


@pytest.fixture(scope="module")
def loaded(finished, tmp_path_factory):
    """What each stage prints, and in the last line the files of ours that its process has loaded when it ends."""
    folder, said = tmp_path_factory.mktemp("loaded"), {}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(finished)
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder / 'mlflow.db'}")
        for item, words in command_line.commands(finished).items():
            name = item.split("@")[0]
            out = {"--out": str(folder / name)}
            if name != "export":  # which reads them
                out["--metrics"] = str(folder / f"{name}.json")
            words = [out.get(before, word) for before, word in zip([None, *words], words, strict=False)]
            if name not in said:
                said[name] = forked.finished(forked.Process(forked.execute, LOADED.format(words=words)))
    return said


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_loads_no_code_that_it_does_not_depend_on(name, loaded):
    """Every constant and function of ours lies in a file that the stage depends on."""
    paths = {Path(file) for file in json.loads(loaded[name].splitlines()[-1])}
    assert paths and all(path.is_relative_to(ROOT) for path in paths), loaded[name]
    names = {path.relative_to(ROOT).as_posix() for path in paths if defines(path)} - set(NOT_DEPS)
    assert f"pipeline/{name}.py" in names and names <= files_of(stage(name)["deps"])
