"""Which version answers, and from which commit."""

import re
import subprocess

from typer.testing import CliRunner

from pipeline import version
from pipeline.cli import app


def git(folder, *words):
    identity = ["-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *identity, *words], cwd=folder, check=True, capture_output=True)


def test_a_checkout_names_its_own_version_and_commit(tmp_path):
    (tmp_path / "pyproject.toml").write_text('[project]\nversion = "9.8.7"\n')
    git(tmp_path, "init")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-m", "first")
    head = subprocess.check_output(["git", "rev-parse", "HEAD"], cwd=tmp_path, encoding="utf-8")[:7]
    assert version.line(tmp_path) == f"foveate 9.8.7 (commit {head})"
    (tmp_path / "pyproject.toml").write_text('[project]\nversion = "9.8.8"\n')
    assert version.line(tmp_path) == f"foveate 9.8.8 (commit {head}, changed)"
    (tmp_path / "site-packages").mkdir()
    assert "commit" not in version.line(tmp_path / "site-packages"), "the project that uses ours has another commit"


def test_what_is_no_checkout_has_the_version_that_is_installed(tmp_path):
    assert re.fullmatch(r"foveate \d+\.\d+\.\d+", version.line(tmp_path))


def test_without_git_the_commit_is_not_known(tmp_path, monkeypatch):
    (tmp_path / ".git").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "commit" not in version.line(tmp_path)


def test_the_option_needs_no_command():
    done = CliRunner().invoke(app, ["--version"])
    assert done.exit_code == 0 and done.output.strip() == version.line()
