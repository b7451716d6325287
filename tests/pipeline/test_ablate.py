"""Which cells an ablation runs; DVC itself is not started here."""

from pathlib import Path

import pytest

import command_line
from pipeline import ablate, files

ACCURACY = {"ours": {"1": 80.0}, "n-1": {"1": 70.0}, "local": {"1": 75.0}}


@pytest.fixture
def asked(project, monkeypatch):
    """What DVC would have been asked."""
    calls = []
    monkeypatch.setattr(ablate, "_dvc", lambda *words: calls.append(words))
    files.write_json(project / "reports" / "metrics" / "tiny.variants.json", {"accuracy": ACCURACY})
    return calls


def test_only_what_was_asked_for_is_run_and_the_main_line_not_again(asked):
    output = command_line.run("ablate", "--n-classifiers", "1,2", "--loss", "local")  # the recipe's own n is 2
    first, second = asked
    assert first == ("repro", "evaluate@tiny", "measure@tiny", "vary@tiny-local", "vary@tiny-n-1")
    assert second == ("repro", "--single-item", "compare@tiny", "report@tiny")
    assert "n-1      1: 70.0" in output and "n-2      1: 80.0" in output and "local    1: 75.0" in output


def test_values_that_params_yaml_does_not_list_are_added_and_nothing_else_changes(asked):
    before = Path("params.yaml").read_text()
    command_line.run("ablate", "--n-classifiers", "3")
    after = Path("params.yaml").read_text()
    assert "n-3" in after and after.replace("- n-3", "").split() == before.replace("[]", "").split()
    command_line.run("ablate", "--n-classifiers", "3")
    assert Path("params.yaml").read_text() == after


@pytest.mark.parametrize(
    "words, message",
    [
        (["--n-classifiers", "0"], "variant 'n-0': unknown"),
        (["--n-classifiers", "two"], "variant 'n-two': unknown"),
        (["--loss", "global"], "--loss global: unknown; there are local and object"),
        (["--dataset", "cars", "--loss", "local"], r"--dataset cars: not among the datasets of params.yaml \(tiny\)"),
        ([], "nothing to run: give --n-classifiers"),
    ],
)
def test_bad_input_starts_nothing(asked, words, message):
    with pytest.raises(AssertionError, match=message):
        command_line.run("ablate", *words)
    assert not asked
