"""make, wherever the project lies and whatever the environment has; Python is a stand-in that notes its calls."""

import os
import shutil
import subprocess

import pytest

from conftest import ROOT

STAND_IN = """#!/bin/sh
case "$*" in
  "-m pip --version") test -e .venv/pip; exit;;
  "-m venv .venv") mkdir -p .venv/bin; touch .venv/pip; cp "$0" .venv/bin/python;;
  "-m pytest"*|"-c"*) ;;
  *) printf '%s|' "$@"; printf '%s|' "$PIP_USER" "$PYTHONPATH$PIP_TARGET" "$USER" "$HOME"; printf '%s\\n' "${PATH%%:*}"
esac
"""


@pytest.fixture
def folder(tmp_path):
    """A folder for the project."""
    return tmp_path / "project"


@pytest.fixture
def make(tmp_path):
    """Put the project's Makefile into a folder and run it there, in an environment that has little else."""
    python = tmp_path / "bin dir" / "python3"
    python.parent.mkdir()
    python.write_text(STAND_IN, encoding="utf-8")
    python.chmod(0o755)

    def run(folder, *words, **environment):
        if not (folder / "pipeline").exists():
            (folder / "pipeline").mkdir(parents=True)
            for name in ("Makefile", "pyproject.toml", "pipeline/plan.py"):
                shutil.copy(ROOT / name, folder / name)
        command = ["make", "--no-print-directory", "-C", str(folder), *words, f"PYTHON={python}"]
        environment = {"PATH": os.environ["PATH"]} | environment
        return subprocess.run(command, env=environment, capture_output=True, encoding="utf-8", check=False)

    return run


@pytest.mark.parametrize(
    "name", ["my birds", "it's", "a(b)", "a&b", "a#b", "a%b", "a\\b", "Vögel", "-x", "long/" + 20 * "folder-"]
)
def test_it_installs_and_runs_in_its_own_folder_whatever_the_path(make, folder, name):
    path = folder / name
    done = make(path, "repro", "DATASETS=birdlets, cub10")
    assert done.returncode == 0, done.stderr
    calls = [line.split("|") for line in done.stdout.splitlines() if line.startswith("-m")]
    assert [call[1] for call in calls] == ["pip", "dvc", "pipeline", "pipeline"]
    assert calls[2][2:5] == ["plan", "--datasets", "birdlets, cub10"] and calls[3][2] == "repro"
    assert all(call[-1] == f"{path}/.venv/bin" for call in calls)
    assert (path / ".venv" / "installed").is_file() and list(folder.iterdir()) == [folder / name.split("/")[0]]


@pytest.mark.parametrize("letter", [":", "$", '"', "`"])
def test_a_path_in_which_other_tools_fail_is_refused(make, folder, letter):
    """A colon ends a folder in PATH; setuptools takes $x for a variable; a quote ends the path in a script of pip's."""
    done = make(folder / f"a{letter}b", "install")
    assert done.returncode == 2 and f"fail in a folder with {letter} in its name: move the project" in done.stderr
    assert not (folder / f"a{letter}b" / ".venv").exists()


def test_from_another_folder_it_says_how(make, folder, tmp_path):
    make(folder)
    done = subprocess.run(
        ["make", "-f", str(folder / "Makefile"), "install"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2 and "make -C FOLDER" in done.stderr and not (tmp_path / ".venv").exists()


def test_settings_that_lead_pip_elsewhere_are_not_used(make, folder, tmp_path):
    done = make(
        folder, "install", PIP_USER="1", PIP_TARGET="/elsewhere", PYTHONPATH="/elsewhere", USER="a", HOME=str(tmp_path)
    )
    assert f"-m|pip|install|--quiet|--disable-pip-version-check|--editable|.[test]|0||a|{tmp_path}|" in done.stdout


@pytest.mark.parametrize("environment", [{}, {"HOME": "/nowhere"}], ids=["none", "not there"])
def test_a_user_without_a_name_or_a_home_has_both_for_dvc(make, folder, environment):
    done = make(folder, "install", **environment)
    name, home = done.stdout.split("|")[-3:-1]
    assert name and home == f"{folder}/.venv", done.stdout


def test_an_environment_that_broke_off_is_made_again(make, folder):
    make(folder)
    (folder / ".venv" / "bin").mkdir(parents=True)
    assert make(folder, "install").returncode == 0 and (folder / ".venv" / "pip").exists()


@pytest.mark.parametrize("git", ["project", "project/..", None])
def test_a_downloaded_zip_without_git_is_told_to_dvc_once(make, folder, git):
    make(folder)
    if git:
        (folder.parent / git / ".git").mkdir()
    done = make(folder, "install")
    assert ("-m|dvc|config|--local|core.no_scm|true|" in done.stdout) == (git is None)
    (folder / ".dvc").mkdir()
    (folder / ".dvc" / "config.local").write_text("[core]\n    no_scm = true\n", encoding="utf-8")
    assert "dvc" not in make(folder, "install").stdout
