"""Plans as they are read: the trainings that they list."""

import pytest

from conftest import ALONE, TINY, VARIANTS, write_params
from pipeline import params, trainings
from pipeline.errors import InputError


def test_a_plan_is_the_union_of_its_blocks(project):
    blocks = {"a": {"variants": ["ours", "n-1"], "seeds": [0], "scales": [1]}, "b": ALONE["main"]}
    write_params(project, {"tiny": TINY}, blocks)
    listed = [(cell.variant, cell.seed, cell.scale) for cell in trainings.read("tiny")]
    assert listed == [("ours", 0, 1), ("n-1", 0, 1), ("ours", 0, 2), ("ours", 0, 3)]
    assert trainings.scales(trainings.read("tiny")) == [1, 2, 3]


def test_folds_are_an_axis_and_no_table_shows_them(project):
    blocks = ALONE | {"settings": {"variants": ["ours", "n-1"], "seeds": [0], "scales": [1], "folds": [1, 3]}}
    write_params(project, {"tiny": TINY}, blocks)
    folded = [(cell.fold, cell.variant) for cell in trainings.everything("tiny") if cell.fold]
    assert folded == [(1, "ours"), (1, "n-1"), (3, "ours"), (3, "n-1")]
    assert [str(cell) for cell in trainings.read("tiny")] == ["ours-0-1", "ours-0-2", "ours-0-3"]


@pytest.mark.parametrize("folds, said", [([0], "greater than or equal to 1"), ([4], "less than or equal to 3")])
def test_folds_that_there_are_not(project, folds, said):
    write_params(project, {"tiny": TINY}, ALONE | {"more": ALONE["main"] | {"folds": folds}})
    with pytest.raises(InputError, match=rf"params.yaml: plan.tiny.more.folds.0: .*{said}"):
        trainings.read("tiny")


@pytest.mark.parametrize(
    "variant, network",
    [
        ("ours", "ours"),
        ("centred", "ours"),
        ("tight", "ours"),
        ("tight-n-1", "n-1"),
        ("n-1", "n-1"),
        ("two-heads", "two-heads"),
        ("lonely", "lonely"),  # no variant in the file trains as it does
    ],
)
def test_whose_network_at_scale_1_a_variants_is(project, variant, network):
    variants = VARIANTS | {
        "tight": {"attend.margin": 0.0},
        "tight-n-1": {"network.n_classifiers": 1, "attend.margin": 0.0},
        "lonely": {"train.lr": 0.5, "attend.margin": 0.0},
    }
    write_params(project, {"tiny": TINY}, ALONE, variants)
    assert trainings.network_of(variant) == network


@pytest.mark.parametrize(
    "name, where",
    [("nobody", "plan.nobody: missing"), ("other", "plan.tiny: other shares the plan of tiny; name that one")],
)
def test_a_plan_that_is_shared_with_nobody(project, name, where):
    write_params(project, {"tiny": TINY, "other": TINY})
    with params.edit() as values:
        values["plan"] |= {"tiny": name, "other": "tiny"}
    with pytest.raises(InputError, match=where):
        trainings.read("tiny")


@pytest.mark.parametrize("plans", [None, {}, [], {"tiny": None}])
def test_a_file_without_a_plan(project, plans):
    with params.edit() as values:
        values["plan"] = plans
        if plans is None:
            del values["plan"]
    for read in (trainings.read, trainings.everything, lambda name: trainings.of_block(name, "main")):
        with pytest.raises(InputError, match=r"plan.tiny: missing; the method alone is"):
            read("tiny")


@pytest.mark.parametrize("datasets", [[], None, "tiny", ["tiny", "tiny"]])
def test_datasets_that_are_no_list_of_recipes(project, datasets):
    with params.edit() as values:
        values["datasets"] = datasets
    with pytest.raises(InputError, match=r"params.yaml: datasets: must be a list of recipes, each once"):
        trainings.read_datasets()
