"""The page that leads to all reports."""

import re
import subprocess
from datetime import datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

import checked
import command_line
from conftest import ROOT, TINY
from pipeline import index, repro
from pipeline.cli import app

PAGE = Path("reports/index.html")


@pytest.fixture
def reports(write_recipe):
    """Two planned datasets, one of which has been run, and a report of a third one, which is planned no more."""
    write_recipe(birds=TINY, cats=TINY)
    for name in ("birds", "old"):
        checked.write(Path("reports"), name, checked.METRICS, checked.VARIANTS)
        (Path("reports") / name).mkdir()
        (Path("reports") / name / "index.html").touch()


def git(*words):
    name = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
    return subprocess.run(["git", *name, *words], capture_output=True, text=True, check=True).stdout.strip()


def test_it_leads_to_the_reports_of_what_is_planned(reports):
    command_line.run("index")
    html = PAGE.read_text()
    assert '<a href="birds/index.html">birds</a>' in html and "Not run yet: cats" in html and "old/" not in html
    cells = re.findall(r"<td[^>]*>(.*?)</td>", html)
    assert "90.0" in cells and "not run" in cells and "make repro DATASETS=birds" in html
    assert datetime.now().strftime("%Y-%m-%d") in html
    assert "no commit" in html and "data:image" not in html


def test_it_names_the_commit(reports):
    git("init", "-q")
    git("add", "params.yaml", "reports/metrics")
    git("commit", "-qm", "a plan")
    with Path("reports/metrics/birds.json").open("a") as file:
        file.write("\n")  # as a run does, which is no edit
    command_line.run("index")
    assert f"Commit {git('rev-parse', '--short', 'HEAD')}, {datetime.now():%Y}" in PAGE.read_text()
    with Path("params.yaml").open("a") as file:
        file.write("# changed\n")
    command_line.run("index")
    assert re.search(r"Commit \w+, with changes that are not committed, 20", PAGE.read_text())


def test_without_a_report_there_is_none(write_recipe):
    write_recipe(birds=TINY)
    command_line.run("index")
    assert not PAGE.exists()


@pytest.mark.parametrize("status", [0, 1])
def test_a_run_that_succeeds_writes_it(reports, monkeypatch, status):
    monkeypatch.setattr(repro, "run", lambda *_: status)
    result = CliRunner().invoke(app, ["repro"])
    assert result.exit_code == status and PAGE.exists() == (status == 0)


def test_a_run_succeeds_also_where_it_cannot_be_written(reports, capsys):
    Path("reports/metrics/birds.json").write_text("{")
    index.update()
    assert capsys.readouterr().out.startswith("reports/index.html: not written: reports/metrics/birds.json: not valid")


def test_elsewhere_there_is_none(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    index.update()
    assert not list(tmp_path.iterdir())


def test_git_ignores_it_and_no_stage_depends_on_it():
    """So it never makes a stage run again."""
    words = ["git", "check-ignore", "-q", PAGE.as_posix()]
    assert not (ROOT / ".git").exists() or subprocess.run(words, cwd=ROOT, check=False).returncode == 0
    assert PAGE.as_posix() not in (ROOT / "dvc.yaml").read_text()
    named = re.findall(r"^ *- (reports\S*)$", (ROOT / "dvc.yaml").read_text(), re.MULTILINE)
    assert named and "reports" not in named
