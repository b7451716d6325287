"""'pipeline repro' on the command line; tests/behaviour/test_side_by_side.py runs it."""

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

import toy
from conftest import checkout
from pipeline import params
from pipeline.cli import app


def run(*words):
    return CliRunner().invoke(app, ["repro", *words], catch_exceptions=False)


@pytest.mark.parametrize("number", ["0", "-1", "two", "1.5", ""])
def test_a_number_of_jobs_that_is_none(number):
    result = run("--jobs", number)
    assert result.exit_code == 2 and "must be 1 or more, or auto" in result.output


def test_a_cluster_needs_a_number():
    result = run("--through", "srun -n1")
    assert result.exit_code == 2 and "say how many at once" in result.output


def test_a_lock_that_was_cut_short_is_restored_and_nothing_runs_again(tmp_path, monkeypatch):
    toy.make(tmp_path, layers=2, width=2, seconds=0)
    assert toy.run(tmp_path)[0] == 0
    lock = tmp_path / "dvc.lock"
    whole = lock.read_text()
    lock.write_text(whole[: len(whole) - 60] + "\n  broken: [")
    status, said = toy.run(tmp_path)
    assert status == 0 and "dvc.lock: was cut short; restored" in said and "4 stages up to date" in said, said
    assert lock.read_text() == whole


def test_an_unknown_stage_is_a_line(tmp_path, monkeypatch):
    toy.make(tmp_path, layers=1, width=1, seconds=0)
    monkeypatch.chdir(tmp_path)
    result = run("s9")
    assert result.exit_code == 1 and result.output.startswith("error: dvc: ") and result.output.count("\n") == 1


def test_dry_judges_by_an_edited_plan_and_leaves_cells_yaml_as_it_was(project):
    checkout(project)
    subprocess.run([sys.executable, "-m", "dvc", "init", "--no-scm", "--quiet"], check=True)
    before = Path("cells.yaml").read_bytes()
    with params.edit() as values:
        values["plan"]["tiny"]["main"]["scales"] = [1]
    said = run("--dry").output  # without stages: 'plan' too, whose dependency cells.yaml is
    assert "train@tiny-ours-0-1" in said and "train@tiny-ours-0-2" not in said, said
    assert Path("cells.yaml").read_bytes() == before
