"""Which cells an ablation runs and what it writes down; DVC itself is not started here."""

from pathlib import Path

import pytest
from dvc.repo import Repo

import command_line
from conftest import ALONE, TINY, checkout, write_params
from pipeline import ablate, params, trainings
from pipeline.disk import files
from pipeline.scheduling import graph

ACCURACY = {"ours": {"1": 80.0}, "n-1": {"1": 70.0}, "local": {"1": 75.0}}
MEASURED = {
    "accuracy": ACCURACY,
    "interval": {name: {scale: [60.0, 90.0] for scale in row} for name, row in ACCURACY.items()},
    "seeds": {},
    "minus_baseline": {},
}
VARIANTS = {"ours": {}, "local": {"train.loss": "local"}, "smooth": {"train.weight_decay": 0.05}}


@pytest.fixture
def asked(project, monkeypatch):
    """The stages that would have been run, and whether alone."""
    calls = []
    monkeypatch.setattr(ablate.session, "run", lambda stages, options, only: calls.append((stages, only)) or 0)
    files.write_json(project / "reports" / "metrics" / "tiny.variants.json", MEASURED)
    write_params(project, {"tiny": TINY}, ALONE, VARIANTS)
    return calls


def test_only_what_was_asked_for_is_run_and_the_main_line_not_again(asked):
    output = command_line.run("ablate", "--n-classifiers", "1,2", "--loss", "local")  # the recipe's own n is 2
    first, second = asked
    assert first == (["evaluate@tiny", "measure@tiny", "attend@tiny-local-0-1", "attend@tiny-n-1-0-1"], False)
    assert second == (["compare@tiny", "report@tiny"], True)
    assert "n-1      1: 70.0" in output and "n-2      1: 80.0" in output and "local    1: 75.0" in output
    assert "tiny-n-1-0-1:" in Path("cells.yaml").read_text()


def test_what_the_plan_does_not_list_is_added_and_nothing_else_changes(asked):
    before = Path("params.yaml").read_text()
    command_line.run("ablate", "--n-classifiers", "3,1")
    after = Path("params.yaml").read_text()
    added = ["  n-3: {network.n_classifiers: 3}", "  n-1: {network.n_classifiers: 1}"]
    added += ["    figure-8: {variants: [n-3, n-1], seeds: [0], scales: [1]}"]
    assert [line for line in after.splitlines() if line not in added] == before.splitlines()
    assert all(line in after.splitlines() for line in added)
    command_line.run("ablate", "--n-classifiers", "3,1")
    assert Path("params.yaml").read_text() == after


def test_a_block_that_is_there_says_where_more_is_trained(asked):
    blocks = ALONE | {"figure-8": {"variants": ["n-1"], "seeds": [0, 1], "scales": [1, 2]}}
    write_params(Path(), {"tiny": TINY}, blocks, VARIANTS | {"n-1": {"network.n_classifiers": 1}})
    command_line.run("ablate", "--n-classifiers", "3")
    cells = [(cell.seed, cell.scale) for cell in trainings.read("tiny") if cell.variant == "n-3"]
    assert cells == [(0, 1), (0, 2), (1, 1), (1, 2)]
    assert asked[0][0][-4:] == [f"attend@tiny-n-3-{seed}-{scale}" for seed, scale in cells]


def test_a_variant_of_ones_own(asked):
    command_line.run("ablate", "--variant", "smooth")
    assert asked[0][0][-1] == "attend@tiny-smooth-0-1"
    assert params.load()["plan"]["tiny"]["ablations"] == {"variants": ["smooth"], "seeds": [0], "scales": [1]}


def test_a_variant_that_cuts_other_crops_is_trained_where_it_reads_them(asked):
    write_params(Path(), {"tiny": TINY}, ALONE, VARIANTS | {"tight": {"attend.margin": 0.0}})
    for _ in range(2):
        command_line.run("ablate", "--variant", "tight")
        assert asked[-2][0][-1] == "attend@tiny-tight-0-2"
        assert params.load()["plan"]["tiny"]["other-crops"] == {"variants": ["tight"], "seeds": [0], "scales": [2]}


@pytest.fixture
def sharing(asked):
    """Three datasets with one plan, and a comment behind the last."""
    write_params(Path(), {"tiny": TINY, "other": TINY, "third": TINY}, ALONE, VARIANTS)
    with params.edit() as values:
        values["plan"] |= {"other": "tiny", "third": "tiny"}
    text = Path("params.yaml").read_text().replace("  third: tiny\n", "  third: tiny\n\n# behind the plans\n")
    Path("params.yaml").write_text(text)
    for name in ("other", "third"):
        files.write_json(Path(f"reports/metrics/{name}.variants.json"), MEASURED)


def test_who_shares_a_plan_goes_on_sharing_what_is_added_for_all(sharing):
    command_line.run("ablate", "--loss", "local")
    plans = params.load()["plan"]
    assert plans["tiny"]["table-5"]["variants"] == ["local"] and plans["other"] == plans["third"] == "tiny"


@pytest.mark.parametrize("dataset, alone", [("other", ["other"]), ("third", ["third"]), ("tiny", ["other", "third"])])
def test_what_is_added_for_one_is_not_for_who_shares_its_plan(sharing, dataset, alone):
    command_line.run("ablate", "--loss", "local", "--dataset", dataset)
    for name in ("tiny", "other", "third"):
        assert ("local" in {cell.variant for cell in trainings.read(name)}) == (name == dataset), name
    assert [name for name, own in params.load()["plan"].items() if name != "tiny" and isinstance(own, dict)] == alone
    text = Path("params.yaml").read_text()
    assert text.index("# behind the plans") > max(text.index(f"  {name}:") for name in ("tiny", "other", "third"))
    assert "third:\n\n#" not in text and "third:\n#" not in text


def test_a_variant_that_does_not_fit_changes_nothing(asked):
    write_params(Path(), {"tiny": TINY}, ALONE, VARIANTS | {"big": {"train.crop": 9984}})
    before = Path("params.yaml").read_text()
    with pytest.raises(AssertionError, match=r"variants.big, on tiny: train.crop: 9984 is more than"):
        command_line.run("ablate", "--variant", "big")
    assert Path("params.yaml").read_text() == before and not asked


@pytest.mark.parametrize(
    "words, message",
    [
        (["--n-classifiers", "0"], "--n-classifiers 0: must be 1 or more"),
        (["--n-classifiers", "two"], "--n-classifiers two: must be 1 or more"),
        (["--loss", "global"], "--loss global: unknown; there are local and object"),
        (["--variant", "n-9"], r"--variant n-9: not among the variants of params.yaml \(ours, local, smooth\)"),
        (["--dataset", "cars", "--loss", "local"], r"--dataset cars: not among the datasets of params.yaml \(tiny\)"),
        ([], "nothing to run: give --n-classifiers"),
    ],
)
def test_bad_input_starts_nothing(asked, words, message):
    before = Path("params.yaml").read_text()
    with pytest.raises(AssertionError, match=message):
        command_line.run("ablate", *words)
    assert not asked and Path("params.yaml").read_text() == before


def test_a_damaged_file_of_results_is_one_line(asked):
    files.write_json(Path("reports/metrics/tiny.variants.json"), {"accuracy": {"ours": {}}})
    with pytest.raises(AssertionError, match=r"error: reports/metrics/tiny.variants.json: .*run 'dvc repro'"):
        command_line.run("ablate", "--loss", "local")


@pytest.fixture
def judged(asked, monkeypatch):
    """A project of DVC's whose download is up to date; what DVC says is out of date where stages would be run."""
    calls = []
    monkeypatch.setattr(ablate.session, "run", lambda stages, _, only: calls.append(graph.read(stages, only)) or 0)
    checkout(Path())
    Path("data/raw/tiny").mkdir(parents=True)
    with Repo.init(no_scm=True) as repo:
        repo.commit("download@tiny", force=True)
    return calls


def content():
    """All files but DVC's own."""
    return {path: path.read_bytes() for path in Path().rglob("*") if path.is_file() and path.parts[0] != ".dvc"}


def test_dry_says_what_would_be_added_and_run_and_writes_nothing(judged):
    before = content()
    said = command_line.run("ablate", "--n-classifiers", "3", "--loss", "local", "--dry", "-j", "2")
    assert content() == before and not judged
    assert said.startswith("params.yaml: the plan of tiny would get local-0-1, n-3-0-1\n")
    forecast = {line.split()[1] for line in said.splitlines() if line.startswith("       ?")}
    assert {"train@tiny-n-3-0-1", "train@tiny-ours-0-3", "report@tiny"} <= forecast
    command_line.run("ablate", "--n-classifiers", "3", "--loss", "local")
    found = {name for stages, stale in judged for name in stale | graph.below(stages, stale)}
    assert forecast == found, "what is run indeed"
    again = command_line.run("ablate", "--n-classifiers", "3", "--dry")
    assert again.startswith("params.yaml: the plan of tiny has all of it\n")


def test_dry_refuses_what_the_command_refuses(judged):
    write_params(Path(), {"tiny": TINY}, ALONE, VARIANTS | {"big": {"train.crop": 9984}})
    before = content()
    with pytest.raises(AssertionError, match=r"variants.big, on tiny: train.crop: 9984 is more than"):
        command_line.run("ablate", "--variant", "big", "--dry")
    assert content() == before
