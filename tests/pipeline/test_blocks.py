"""What is added to plans: nothing else in params.yaml changes. ``test_ablate.py`` has shared plans and comments."""

from pathlib import Path

from conftest import ALONE, TINY, write_params
from pipeline import blocks, params, trainings
from pipeline.blocks import Line

AXES = {"seeds": [0], "scales": [1], "folds": [1, 2]}


def test_a_new_block_and_a_longer_one(project):
    write_params(project, {"tiny": TINY, "other": TINY}, ALONE)
    before = Path("params.yaml").read_text().splitlines()
    blocks.add({"tiny": [Line("choices", "ours", AXES), Line("choices", "n-3", AXES)]})
    added = ["    choices: {variants: [ours, n-3], seeds: [0], scales: [1], folds: [1, 2]}"]
    added += ["  n-3: {network.n_classifiers: 3}"]
    after = Path("params.yaml").read_text().splitlines()
    assert [line for line in after if line not in added] == before and set(added) < set(after)
    assert len(trainings.of_block("tiny", "choices")) == 4 and trainings.of_block("other", "choices") == []


def test_nothing_to_add_writes_nothing(project):
    Path("params.yaml").write_text(Path("params.yaml").read_text() + "# mine   \n")
    before = Path("params.yaml").read_bytes()
    blocks.add({"tiny": []})
    assert Path("params.yaml").read_bytes() == before


def test_a_block_keeps_its_own_axes(project):
    write_params(project, {"tiny": TINY}, ALONE | {"choices": {"variants": ["ours"], "seeds": [3], "scales": [2]}})
    blocks.add({"tiny": [Line("choices", "baseline", AXES)]})
    assert params.load()["plan"]["tiny"]["choices"] == {"variants": ["ours", "baseline"], "seeds": [3], "scales": [2]}
