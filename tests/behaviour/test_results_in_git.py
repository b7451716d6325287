"""Floors and results are compared with those in git: no floor falls without a word, no stale result is merged."""

import subprocess

import pytest
from ruamel.yaml import YAML

import checked
from checked import change, check, errors, read_floors, set_floors
from conftest import ROOT


def git(folder, *words):
    author = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
    subprocess.run(["git", *author, *words], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def committed(tmp_path):
    """The floors and the metrics in a git repository."""
    reports = checked.make(tmp_path)
    git(reports, "init", "-q")
    git(reports, "add", ".")
    git(reports, "commit", "-q", "-m", "results")
    return reports


def lower(reports, why=None):
    floors = read_floors(reports)
    floors["birds"]["acc_avg.1"] -= 10
    set_floors(reports, {"birds": floors["birds"] | ({"why": why} if why else {})})


def test_a_lowered_floor_needs_a_line_that_says_why(committed):
    assert check(committed, "--base", "HEAD").exit_code == 0
    lower(committed)
    assert check(committed).exit_code == 0
    result = check(committed, "--base", "HEAD")
    assert result.exit_code == 2 and len(errors(result)) == 1
    assert "a floor of birds is lowered (acc_avg.1 from 78 to 68); change the line 'why' of birds" in errors(result)[0]


def test_a_lowered_floor_with_a_new_reason_passes_once(committed):
    lower(committed, "a smaller backbone")
    assert check(committed, "--base", "HEAD").exit_code == 0
    git(committed, "commit", "-q", "-a", "-m", "lower")
    lower(committed, "a smaller backbone")
    assert check(committed, "--base", "HEAD").exit_code == 2, "the reason is an old one"
    assert check(committed, "--base", "HEAD~1").exit_code == 0


def test_a_floor_that_is_taken_away_is_lowered(committed):
    floors = read_floors(committed)
    del floors["birds"]["acc_avg.1"]
    set_floors(committed, floors)
    result = check(committed, "--base", "HEAD")
    assert result.exit_code == 2 and "(acc_avg.1 from 78 to none)" in errors(result)[0]
    set_floors(committed, {"birds": {"why": "not run any more"}})
    for path in (committed / "metrics").iterdir():
        path.unlink()
    assert check(committed, "--base", "HEAD").exit_code == 2, "there are no floors at all"


def test_an_update_that_lowers_a_floor_asks_why(committed):
    before = (committed / "expected.yaml").read_text()
    result = check(committed, "--update", "--tolerance", "9")
    assert result.exit_code == 2 and "floors of birds are lowered" in result.output and "--why" in result.output
    assert (committed / "expected.yaml").read_text() == before
    assert check(committed, "--update", "--tolerance", "9", "--why", "five seeds spread so far").exit_code == 0
    assert read_floors(committed)["birds"]["why"] == "five seeds spread so far"
    assert check(committed, "--base", "HEAD").exit_code == 0


def test_an_update_that_lowers_nothing_keeps_the_old_reason(committed):
    assert check(committed, "--update", "--tolerance", "9", "--why", "five seeds spread so far").exit_code == 0
    assert check(committed, "--update", "--tolerance", "1", "--why", "nothing fell").exit_code == 0
    assert read_floors(committed)["birds"]["why"] == "five seeds spread so far"


@pytest.mark.parametrize("words", [["--update", "--base", "HEAD"], ["--update", "--committed"], ["--why", "so"]])
def test_options_that_do_not_go_together(committed, words):
    before = (committed / "expected.yaml").read_text()
    result = check(committed, *words)
    assert result.exit_code == 2 and "--update writes floors" in result.output
    assert (committed / "expected.yaml").read_text() == before


def test_a_base_that_is_none(committed):
    result = check(committed, "--base", "no-such-branch")
    assert result.exit_code == 2 and "'no-such-branch': git knows no such commit here" in errors(result)[0]


def test_a_base_without_floors(committed):
    git(committed, "rm", "-q", "--cached", "expected.yaml")
    git(committed, "commit", "-q", "-m", "no floors")
    assert check(committed, "--base", "HEAD").exit_code == 0


@pytest.mark.parametrize("change_by, status", [(0.4, 0), (0.5, 0), (0.6, 2), (-0.6, 2), (-3, 2)])
def test_results_in_git_are_what_the_run_gives_to_half_a_point(committed, change_by, status):
    change(committed, 86.0 + change_by, "acc_avg", "3")
    set_floors(committed, {"birds": dict.fromkeys(read_floors(committed)["birds"], 0.0)})
    assert check(committed).exit_code == 0
    result = check(committed, "--committed")
    assert result.exit_code == status, result.output
    if status:
        line = f"numbers of birds in git are not what this run gives (acc_avg.3: 86 in git, {86 + change_by:.4g} now)"
        assert line in errors(result)[0]


@pytest.mark.parametrize("keys", [("accuracy", "baseline", "1"), ("minus_baseline", "1", "points")])
def test_results_of_variants_in_git_are_what_the_run_gives(committed, keys):
    change(committed, 99.0, *keys, file="birds.variants.json")
    assert check(committed).exit_code == 0
    assert check(committed, "--committed").exit_code == 2


def test_results_that_are_not_in_git(committed):
    git(committed, "rm", "-q", "--cached", "metrics/birds.variants.json")
    git(committed, "commit", "-q", "-m", "forgotten")
    result = check(committed, "--committed")
    assert result.exit_code == 2 and "birds.variants.json: not in git; commit what this run gives" in errors(result)[0]


def test_a_change_is_held_to_the_floors_the_base_and_the_run():
    workflow = (ROOT / ".github" / "workflows" / "ci.yml").read_text()
    steps = YAML(typ="safe").load(workflow)["jobs"]["ci"]["steps"]
    commands = [step["run"] for step in steps if "run" in step]
    assert any('dvc metrics diff --md "$BASE"' in command for command in commands)
    assert ".venv/bin/pipeline check --committed" in commands and "bash .ci/run" in commands
    assert '-m pipeline check --base "${BASE:-HEAD}"\n' in (ROOT / ".ci" / "run").read_text()
