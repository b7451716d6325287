"""What a plan refuses or watches because of where things lie: the user's files, and names that become folders."""

from pathlib import Path

import pytest
from ruamel.yaml import YAML

import command_line
from conftest import TINY, checkout, write_params
from pipeline import plan
from pipeline.errors import InputError

NONE = ["pipeline/datasets"] * 3  # files of the user's


@pytest.mark.parametrize("name", ["1x", "a.b", "a b", "../a", ""])
def test_names_that_dvc_and_folders_could_not_take(project, name):
    write_params(project, {name: TINY})
    with pytest.raises(InputError, match="a name begins with a letter and has letters, digits, '_' and '-'"):
        plan.spell([name])


def test_names_that_would_meet(project):
    values = {"ours": {}, "n-1": {"network.n_classifiers": 1}, "b-n-1": {}}
    blocks = {"main": {"variants": ["ours", "n-1", "b-n-1"], "seeds": [0], "scales": [1]}}
    write_params(project, {"a": TINY, "a-b": TINY}, blocks, values)
    with pytest.raises(InputError, match="two trainings would be a-b-n-1-0-1; rename a recipe or a variant"):
        plan.spell(["a", "a-b"])


@pytest.mark.parametrize("name", ["raw", "archives", "metrics", "unfinished", "unsent", "logs"])
def test_names_that_are_folders_of_the_project(project, name):
    write_params(project, {name: TINY})
    with pytest.raises(InputError, match=rf"recipes.{name}: a folder of that name is the project's; rename"):
        plan.spell([name])


FOLDER = {"reader": "folder", "root": "birds", "test_share": 0.3, "seed": 0, "boxes": None}


@pytest.mark.parametrize(
    "values, files",
    [
        (FOLDER, ["birds", *NONE[:2]]),
        (FOLDER | {"boxes": "/photos/b.csv", "split": "s.csv"}, ["birds", "/photos/b.csv", "s.csv"]),
        ({"reader": "cub", "archive": "data/archives/a.tgz", "subset": True}, ["data/archives/a.tgz", *NONE[:2]]),
        ({"reader": "cub", "archive": None, "subset": False}, NONE),
    ],
)
def test_dvc_watches_the_files_that_a_recipe_names(project, tiny, values, files):
    tiny["download"] = values
    write_params(project, {"tiny": tiny})
    Path("data/raw/tiny").mkdir(parents=True)  # from before, so that what it was made of may be missing
    command_line.run("plan")
    planned = YAML(typ="safe").load(Path("cells.yaml"))["planned"]
    assert planned["tiny"]["files"] == files
    stages = {stage.name: stage for stage in index(project).stages}
    assert set(files) <= {dep.def_path for dep in stages["download@tiny"].deps}


def index(folder):
    from dvc.repo import Repo

    checkout(folder)
    return Repo.init(str(folder), no_scm=True).index


@pytest.mark.parametrize(
    "field, path, how",
    [
        ("root", "data/raw/tiny", "lies in data/raw/"),
        ("root", "data/raw/tiny/pictures", "lies in data/raw/"),
        ("root", "data/raw", "lies in data/raw/"),
        ("root", "data", "holds data/raw/"),
        ("root", ".", "holds runs/"),
        ("root", "data/tiny/scale-1", "lies in data/tiny/"),
        ("root", "data/other/mine", "lies in data/other/"),
        ("root", "runs/mine", "lies in runs/"),
        ("root", "reports/tiny", "lies in reports/"),
        ("root", "linked/birds", "lies in runs/"),
        ("boxes", "reports/tiny/boxes.csv", "lies in reports/"),
    ],
)
def test_nothing_of_the_users_lies_where_stages_delete(project, tiny, field, path, how):
    Path("runs/mine").mkdir(parents=True)
    Path("linked").symlink_to("runs/mine")
    tiny["download"] = FOLDER | {field: path}
    write_params(project, {"tiny": tiny, "other": TINY})
    with pytest.raises(InputError, match=rf"params.yaml: recipes.tiny.download: {path} {how}, which stages delete"):
        plan.spell(["tiny"])


def test_weights_of_the_users_lie_elsewhere_too(project, tiny):
    tiny["network"]["weights"] = "runs/tiny/weights/mine.pth"
    write_params(project, {"tiny": tiny})
    with pytest.raises(InputError, match=r"recipes.tiny.network.weights: runs/tiny/weights/mine.pth lies in runs/"):
        plan.spell(["tiny"])


@pytest.mark.parametrize(
    "section, values, path",
    [
        ("download", FOLDER, "birds"),
        ("download", FOLDER | {"root": ".git", "split": "s.csv"}, "s.csv"),
        ("network", TINY["network"] | {"weights": "w.pth"}, "w.pth"),
    ],
)
def test_files_that_are_missing_are_named_before_anything_runs(project, tiny, section, values, path):
    Path(".git").mkdir()
    tiny[section] = values
    write_params(project, {"tiny": tiny})
    with pytest.raises(
        AssertionError, match=rf"error: params.yaml: {path}: missing, and .* is made of it; put it there"
    ):
        command_line.run("plan")
    assert not Path("cells.yaml").exists()
