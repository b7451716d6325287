"""What a change reruns, read from DVC's own graph with two datasets in it."""

import shutil
from pathlib import Path

import networkx
import pytest
from dvc.dependency.param import ParamsDependency
from dvc.repo import Repo
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[1]
MAIN = {"download", "prepare", "evaluate", "crop-2", "crop-3"} | {
    f"{stage}-{scale}" for stage in ("train", "attend") for scale in (1, 2, 3)
}
BESIDE = {"vary-baseline", "vary-n-4", "repeat-ours-1", "measure", "compare", "report"}
ALL = MAIN | BESIDE


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    folder = tmp_path_factory.mktemp("graph")
    for name in ("model", "pipeline"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "dvc.yaml", folder)
    yaml = YAML()
    params = yaml.load(ROOT / "params.yaml")
    params |= {"datasets": ["birdlets", "cub"], "variants": ["baseline", "n-4"], "repeated": ["ours"], "seeds": [1]}
    yaml.dump(params, folder / "params.yaml")
    return Repo.init(str(folder), no_scm=True).index


def short(stage):
    """'train@cub-1' -> ('cub', 'train-1')."""
    name, _, item = stage.name.partition("@")
    dataset, _, scale = item.partition("-")
    return dataset, f"{name}-{scale}" if scale else name


def reruns(index, changed):
    """List the stages that run again when ``changed`` (a predicate on dependencies) has changed."""
    touched = {stage for stage in index.stages if any(changed(dep) for dep in stage.deps)}
    return {short(s) for stage in touched for s in {stage} | networkx.ancestors(index.graph, stage)}


def section(name):
    return lambda dep: isinstance(dep, ParamsDependency) and name in dep.params


def file(name):
    return lambda dep: dep.def_path == name


def test_the_stages_of_a_dataset(index):
    assert {short(stage) for stage in index.stages} == {(d, s) for d in ("birdlets", "cub") for s in ALL}


@pytest.mark.parametrize(
    "values, stages",
    [
        ("download", ALL),
        ("prepare", ALL - {"download"}),
        ("network", ALL - {"download", "prepare"}),
        ("train", ALL - {"download", "prepare", "measure"}),
        ("attend", ALL - {"download", "prepare", "train-1", "measure"}),
        ("vary", BESIDE - {"measure"}),
    ],
)
def test_a_recipe_value_reruns_what_depends_on_it_and_nothing_of_another_dataset(index, values, stages):
    assert reruns(index, section(f"recipes.birdlets.{values}")) == {("birdlets", stage) for stage in stages}


@pytest.mark.parametrize(
    "name, stages",
    [
        ("pipeline/page.py", {"report"}),
        ("pipeline/evaluate.py", {"evaluate", "report"}),
        ("pipeline/vary.py", BESIDE - {"measure"}),
        ("model/losses.py", ALL - {"download", "prepare"}),
        ("model/boxes.py", ALL - {"download", "prepare", "train-1", "measure"}),
    ],
)
def test_a_file_of_code_reruns_the_stages_that_use_it(index, name, stages):
    assert reruns(index, file(name)) == {(dataset, stage) for dataset in ("birdlets", "cub") for stage in stages}


def test_no_stage_depends_on_a_whole_package_or_on_all_recipes(index):
    for stage in index.stages:
        assert not {dep.def_path for dep in stage.deps} & {"model", "pipeline", "pipeline/datasets"}
        for dep in stage.deps:
            if isinstance(dep, ParamsDependency):
                assert all(name.count(".") >= 2 for name in dep.params)


def test_dvc_reads_its_files_in_c():
    """It reads params.yaml once a stage: in Python that is a third of a 'dvc repro' with nothing to do."""
    assert "_ruamel_yaml" in YAML(typ="safe").Parser.__module__
