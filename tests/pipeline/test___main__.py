"""Which Python runs the stages, and whose code."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import ROOT

SYSTEM = [python for python in ("/usr/bin/python3", "/usr/local/bin/python3") if Path(python).exists()]


def run(folder, python, **environment):
    """Run a command of the pipeline as DVC does, from a folder and without an environment that was activated."""
    clean = {"PATH": os.environ["PATH"], **environment}
    command = [python, "-m", "pipeline", "download", "nobody", "--out", "x"]
    return subprocess.run(command, cwd=folder, env=clean, capture_output=True, text=True, check=False)


@pytest.fixture
def checkout(project):
    """A checkout whose .venv is the environment of these tests."""
    shutil.copytree(ROOT / "pipeline", project / "pipeline", ignore=shutil.ignore_patterns("__pycache__"))
    (project / ".venv").symlink_to(sys.prefix)
    return project


@pytest.mark.skipif(not SYSTEM, reason="needs a Python outside any environment")
@pytest.mark.parametrize("below", [".", ".dvc/tmp/exps/standalone/copy"])
def test_the_environment_is_found_without_activation(checkout, below):
    folder = checkout / below
    if below != ".":
        shutil.copytree(checkout / "pipeline", folder / "pipeline")
        shutil.copy(checkout / "params.yaml", folder)
    done = run(folder, SYSTEM[0])
    assert done.returncode == 1 and "there is no recipe for 'nobody'; recipes: tiny" in done.stderr, done.stderr


@pytest.mark.skipif(not SYSTEM, reason="needs a Python outside any environment")
def test_an_environment_that_was_chosen_is_kept(checkout):
    done = run(checkout, SYSTEM[0], CONDA_PREFIX="/somewhere")
    assert done.returncode == 1 and "No module named" in done.stderr


def test_the_code_is_that_of_the_folder(checkout):
    """Not that of the checkout which is installed: a copy that DVC makes must run its own."""
    source = checkout / "pipeline" / "params.py"
    source.write_text(source.read_text().replace("there is no recipe for", "in the copy there is no recipe for"))
    assert "in the copy there is no recipe for 'nobody'" in run(checkout, sys.executable).stderr
