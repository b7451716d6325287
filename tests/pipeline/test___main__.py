"""Which Python runs the stages, and whose code."""

import ast
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
    done = run(checkout, SYSTEM[0], CONDA_DEFAULT_ENV="mine")
    assert done.returncode == 1 and "No module named" in done.stderr


@pytest.mark.skipif(not SYSTEM, reason="needs a Python outside any environment")
def test_condas_base_which_nobody_chose_is_no_environment(checkout):
    assert "there is no recipe for 'nobody'" in run(checkout, SYSTEM[0], CONDA_DEFAULT_ENV="base").stderr


def test_an_old_python_can_read_the_file():
    """Python 3.8 had no ``X | None`` outside annotations that are never evaluated."""
    tree = ast.parse((ROOT / "pipeline" / "__main__.py").read_text(), feature_version=(3, 8))
    assert any(isinstance(node, ast.ImportFrom) and node.module == "__future__" for node in tree.body)


def test_a_folder_called_venv_that_is_this_very_python_is_not_started_again(monkeypatch, tmp_path):
    from pipeline.__main__ import environment

    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "python").touch(mode=0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CONDA_DEFAULT_ENV", raising=False)
    monkeypatch.setattr(sys, "base_prefix", sys.prefix)
    assert environment() == tmp_path / ".venv" / "bin" / "python"
    monkeypatch.setattr(sys, "prefix", str(tmp_path / ".venv"))
    monkeypatch.setattr(sys, "base_prefix", str(tmp_path / ".venv"))
    assert environment() is None


def test_the_code_is_that_of_the_folder(checkout):
    """Not that of the checkout which is installed: a copy that DVC makes must run its own."""
    source = checkout / "pipeline" / "params.py"
    source.write_text(source.read_text().replace("there is no recipe for", "in the copy there is no recipe for"))
    assert "in the copy there is no recipe for 'nobody'" in run(checkout, sys.executable).stderr


@pytest.mark.skipif(not SYSTEM, reason="needs a Python outside any environment")
def test_an_environment_that_this_user_may_not_use_is_none(checkout):
    """Somebody else's: only root can read where its Python lies."""
    (checkout / ".venv").unlink()
    (checkout / ".venv" / "bin").mkdir(parents=True)
    (checkout / ".venv" / "bin" / "python").touch(mode=0o600)
    done = run(checkout, SYSTEM[0])
    assert done.returncode == 1 and "run 'make install'" in done.stderr and "Traceback" not in done.stderr


def test_a_python_that_is_too_old_or_has_nothing_installed_says_so_in_a_line(monkeypatch):
    from pipeline import __main__

    assert __main__.unfit() == ""
    monkeypatch.setitem(sys.modules, "typer", None)
    assert "not installed for" in __main__.unfit() and "\n" not in __main__.unfit()
    monkeypatch.setattr(sys, "version_info", (3, 9, 2))
    assert "Python 3.11 or newer is needed: run 'make install'" in __main__.unfit()


def test_names_of_files_are_utf8_in_a_locale_that_is_not(checkout):
    """Else a class folder 'Vögel' would be another class there, and DVC, started by 'repro', fails in such a folder."""
    source = checkout / "pipeline" / "download.py"
    child = "subprocess.call([sys.executable, '-c', 'import sys; print(sys.getfilesystemencoding())'])"
    code = f"import subprocess, sys\n{child}\nsys.exit(f'{{sys.getfilesystemencoding()}} {{sys.argv[1:]}}')\n"
    source.write_text(code, encoding="utf-8")
    command = [sys.executable, "-m", "pipeline", "download", "tiny", "--out", "Vögel"]
    clean = {"PATH": os.environ["PATH"], "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = subprocess.run(command, cwd=checkout, env=clean, capture_output=True, encoding="utf-8", check=False)
    assert done.stderr.strip() == "utf-8 ['download', 'tiny', '--out', 'Vögel']" and done.stdout == "utf-8\n"
