"""Plans: what they list, what they refuse, and how cells.yaml spells them out."""

from pathlib import Path

import pytest
from ruamel.yaml import YAML

import command_line
from conftest import ALONE, PLAN, ROOT, TINY, VARIANTS, write_params
from pipeline import params, plan, trainings
from pipeline.errors import InputError

NONE = ["pipeline/datasets"] * 3  # files of the user's


def spelled():
    return YAML(typ="safe").load(Path("cells.yaml"))


def test_the_projects_cells_are_those_of_its_plan(monkeypatch):
    monkeypatch.chdir(ROOT)
    assert plan.spell(trainings.read_datasets()) == (ROOT / "cells.yaml").read_text(), "run 'pipeline plan'"


def test_every_plan_of_the_project_is_valid(monkeypatch):
    monkeypatch.chdir(ROOT)
    assert set(params.load()["plan"]) == set(params.load()["recipes"])
    plan.spell(list(params.load()["plan"]))


def test_the_method_alone(project):
    command_line.run("plan")
    found = spelled()
    assert found["planned"] == {"tiny": {"plan": "tiny", "scales": "1 2 3", "files": NONE}}
    assert list(found["cells"]) == ["tiny-ours-0-1", "tiny-ours-0-2", "tiny-ours-0-3"]
    assert [cell["images"] for cell in found["cells"].values()] == [
        "data/tiny/scale-1",
        "data/tiny/ours-0/scale-2",
        "data/tiny/ours-0/scale-3",
    ]
    assert list(found["crops"]) == ["tiny-ours-0-2", "tiny-ours-0-3"]


def test_whose_crops_are_read(project):
    blocks = {"all": {"variants": list(VARIANTS), "seeds": [0, 3], "scales": [1, 2]}}
    write_params(project, {"tiny": TINY}, blocks)
    command_line.run("plan")
    found = spelled()
    read = {name: cell["images"] for name, cell in found["cells"].items() if cell["scale"] == 2}
    for seed in (0, 3):
        assert read[f"tiny-n-1-{seed}-2"] == f"data/tiny/n-1-{seed}/scale-2", "another n cuts its own"
        assert read[f"tiny-centred-{seed}-2"] == f"data/tiny/centred-{seed}/scale-2", "so does a control"
        for variant in ("ours", "baseline", "two-heads", "local", "object"):
            assert read[f"tiny-{variant}-{seed}-2"] == f"data/tiny/ours-{seed}/scale-2", "those of the same seed"
    cutters = ("ours", "n-1", "centred")
    assert set(found["crops"]) == {f"tiny-{variant}-{seed}-2" for variant in cutters for seed in (0, 3)}


def test_whose_masks_cut_a_variants_crops(project):
    """A control cuts elsewhere what ours would see; another policy follows its own masks from scale 2 on."""
    tight = {"attend.margin": 0.0}
    variants = VARIANTS | {"tight": tight, "tight-n-1": {"network.n_classifiers": 1} | tight}
    blocks = {"all": {"variants": list(variants), "seeds": [0], "scales": [1, 2, 3]}}
    write_params(project, {"tiny": TINY}, blocks, variants)
    command_line.run("plan")
    found = {name.removeprefix("tiny-"): crop["attended"] for name, crop in spelled()["crops"].items()}
    assert found == {
        "ours-0-2": "ours-0/scale-1",
        "ours-0-3": "ours-0/scale-2",
        "centred-0-2": "ours-0/scale-1",
        "centred-0-3": "ours-0/scale-2",
        "n-1-0-2": "n-1-0/scale-1",
        "n-1-0-3": "n-1-0/scale-2",
        "tight-0-2": "ours-0/scale-1",
        "tight-0-3": "tight-0/scale-2",
        "tight-n-1-0-2": "n-1-0/scale-1",
        "tight-n-1-0-3": "tight-n-1-0/scale-2",
    }
    assert {"tiny-tight-0-1", "tiny-centred-0-1"}.isdisjoint(spelled()["cells"]), "scale 1 is that of ours"


def test_a_baseline_in_the_middle_reads_crops_of_its_own(project):
    """With 'attend.crops' both sides can be asked what zooming brings where attention has no part in it."""
    variants = VARIANTS | {"blind": {"network.n_classifiers": 0, "attend.crops": "centre"}}
    blocks = {"all": {"variants": ["ours", "blind"], "seeds": [0], "scales": [1, 2]}}
    write_params(project, {"tiny": TINY}, blocks, variants)
    command_line.run("plan")
    assert spelled()["cells"]["tiny-blind-0-2"]["images"] == "data/tiny/blind-0/scale-2"
    assert spelled()["crops"]["tiny-blind-0-2"]["attended"] == "ours-0/scale-1"
    assert "tiny-baseline-0-1" in spelled()["cells"] and "tiny-blind-0-1" not in spelled()["cells"]


def test_folds_read_the_whole_images_of_all_and_crops_of_their_own(project):
    blocks = ALONE | {"settings": {"variants": ["ours", "baseline"], "seeds": [0], "scales": [1, 2], "folds": [1]}}
    write_params(project, {"tiny": TINY}, blocks)
    command_line.run("plan")
    found = {name.removeprefix("tiny-"): cell for name, cell in spelled()["cells"].items() if cell["fold"]}
    assert {name: (cell["home"], cell["images"], cell["split"]) for name, cell in found.items()} == {
        "fold-1-ours-0-1": ("folds/tiny-1", "data/tiny/scale-1", "all"),
        "fold-1-ours-0-2": ("folds/tiny-1", "data/folds/tiny-1/ours-0/scale-2", "test"),
        "fold-1-baseline-0-1": ("folds/tiny-1", "data/tiny/scale-1", "test"),
        "fold-1-baseline-0-2": ("folds/tiny-1", "data/folds/tiny-1/ours-0/scale-2", "test"),
    }
    crop = spelled()["crops"]["tiny-fold-1-ours-0-2"]
    assert (crop["home"], crop["attended"], crop["images"]) == ("folds/tiny-1", "ours-0/scale-1", "data/tiny/scale-1")
    assert "tiny-ours-0-2" in spelled()["crops"], "that of the official split"


def test_a_fold_whose_masks_nobody_makes(project):
    blocks = ALONE | {"settings": {"variants": ["ours"], "seeds": [0], "scales": [2], "folds": [1]}}
    write_params(project, {"tiny": TINY}, blocks)
    with pytest.raises(InputError, match="at scale 1, which is not in the plan of fold 1"):
        plan.spell(["tiny"])


def test_training_images_are_attended_only_where_something_is_cut_from_them(project):
    write_params(project, {"tiny": TINY}, PLAN)
    command_line.run("plan")
    everything = {name for name, cell in spelled()["cells"].items() if cell["split"] == "all"}
    assert everything == {"tiny-ours-0-1", "tiny-ours-0-2", "tiny-ours-0-3", "tiny-n-1-0-1"}


def test_two_datasets_with_plans_of_their_own(project):
    write_params(project, {"tiny": TINY, "other": TINY}, ALONE)
    with params.edit() as values:
        values["plan"]["other"]["main"]["scales"] = [1]
    command_line.run("plan")
    assert spelled()["planned"]["tiny"] == {"plan": "tiny", "scales": "1 2 3", "files": NONE}
    assert spelled()["planned"]["other"] == {"plan": "other", "scales": "1", "files": NONE}
    assert [name for name in spelled()["cells"] if name.startswith("other")] == ["other-ours-0-1"]


def test_a_plan_that_two_datasets_share(project):
    write_params(project, {"tiny": TINY, "other": TINY}, PLAN)
    with params.edit() as values:
        values["plan"]["other"] = "tiny"
    command_line.run("plan")
    assert spelled()["planned"]["other"] == {"plan": "tiny", "scales": "1 2 3", "files": NONE}
    cells = {dataset: [str(cell) for cell in trainings.read(dataset)] for dataset in ("tiny", "other")}
    assert cells["tiny"] == cells["other"] and "other-n-1-0-1" in spelled()["cells"]


def test_checking_says_what_was_out_of_date_once(project):
    command_line.run("plan", "--check") if Path("cells.yaml").exists() else None
    with pytest.raises(
        AssertionError, match=r"error: cells.yaml: was not what params.yaml says, and is now; run the same"
    ):
        command_line.run("plan", "--check")
    before = Path("cells.yaml").read_text()
    assert command_line.run("plan", "--check") == "cells.yaml: 3 trainings on tiny\n"
    assert Path("cells.yaml").read_text() == before


def test_datasets_that_are_given_twice(project):
    with pytest.raises(AssertionError, match="datasets: must be a list of recipes, each once, got"):
        command_line.run("plan", "--datasets", "tiny,tiny")


def test_datasets_are_set_first_and_nothing_else_changes(project):
    write_params(project, {"tiny": TINY, "other": TINY})
    before = Path("params.yaml").read_text()
    command_line.run("plan", "--datasets", "other")
    assert list(spelled()["planned"]) == ["other"]
    assert Path("params.yaml").read_text() == before.replace("datasets:\n- tiny\n- other\n", "datasets:\n- other\n")


@pytest.mark.parametrize(
    "form", ["datasets: [tiny]", "datasets: ['tiny']  # those", "datasets:\n  - tiny", "datasets:\n- tiny"]
)
def test_datasets_are_set_whatever_form_they_are_in(project, form):
    write_params(project, {"tiny": TINY, "other": TINY})
    text = Path("params.yaml").read_text().replace("datasets:\n- tiny\n- other", form)
    Path("params.yaml").write_text(text)
    command_line.run("plan", "--datasets", "other,tiny")
    assert params.load()["datasets"] == ["other", "tiny"] and params.load()["recipes"]["tiny"] == TINY


def test_a_dataset_without_a_recipe_changes_nothing(project):
    before = Path("params.yaml").read_text()
    with pytest.raises(AssertionError, match=r"error: params.yaml: there is no recipe for 'cob'"):
        command_line.run("plan", "--datasets", "tiny,cob")
    assert Path("params.yaml").read_text() == before and not Path("cells.yaml").exists()


@pytest.mark.parametrize(
    "blocks, message",
    [
        ({}, r"plan.tiny: missing; the method alone is 'main: {variants: \[ours\]"),
        (
            {"a": {"variants": ["ours"], "seeds": [0], "scales": [1, 3]}},
            "ours with seed 0 at scale 3 reads what ours with",
        ),
        ({"a": {"variants": ["baseline"], "seeds": [0], "scales": [1]}}, "ours with seed 0 at scale 1 is missing"),
        (
            {"main": ALONE["main"], "b": {"variants": ["baseline"], "seeds": [1], "scales": [1, 2]}},
            "baseline with seed 1 at scale 2 reads what ours with that seed attends to at scale 1, which is not in",
        ),
        ({"a": {"variants": ["ours"], "seeds": [0], "scales": [0]}}, "plan.tiny.a.scales.0: .*1, 2 or 3, got 0"),
        ({"a": {"variants": ["ours"], "seeds": [-1], "scales": [1]}}, "plan.tiny.a.seeds.0: .*got -1"),
        (
            {"a": {"variants": ["ours"], "seed": [0], "scales": [1]}},
            "plan.tiny.a.seed: unknown key; did you mean 'seeds'",
        ),
        ({"a": {"variants": [], "seeds": [0], "scales": [1]}}, "plan.tiny.a.variants: .*at least 1 item"),
        ({"a": 3}, "plan.tiny.a: must be a mapping of values, got 3"),
        ({"a": {"variants": ["ours", "n-7"], "seeds": [0], "scales": [1]}}, "there is no variant 'n-7'"),
    ],
)
def test_what_is_wrong_with_a_plan_is_named(project, blocks, message):
    write_params(project, {"tiny": TINY}, blocks)
    with pytest.raises(InputError, match=message) as error:
        plan.spell(["tiny"])
    assert str(error.value).startswith("params.yaml: ")


def test_a_variant_with_other_weights_starts_from_its_own(project):
    variants = VARIANTS | {
        "deep": {"network.backbone": "resnet34"},
        "mine": {"network.weights": "w.pth"},
        "fine": {"network.stride": 16},
    }
    blocks = {"main": {"variants": list(variants), "seeds": [0], "scales": [1]}}
    write_params(project, {"tiny": TINY}, blocks, variants)
    Path("w.pth").touch()
    command_line.run("plan")
    assert spelled()["weights"] == {
        "tiny-deep": {"data": "tiny", "variant": "deep", "file": "pipeline/weights.py"},
        "tiny-mine": {"data": "tiny", "variant": "mine", "file": "w.pth"},
        "tiny-ours": {"data": "tiny", "variant": "ours", "file": "pipeline/weights.py"},
    }
    starts = {cell["variant"]: cell["weights"] for cell in spelled()["cells"].values()}
    assert starts == dict.fromkeys(variants.keys() - {"centred"}, "ours") | {"deep": "deep", "mine": "mine"}
