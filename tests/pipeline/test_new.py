"""One's own pictures in one command: what it writes, what it says, and what it refuses before it writes anything."""

import os
from pathlib import Path

import pytest

import command_line
from conftest import ROOT, TINY, VARIANTS, write_params
from picture_folder import TEN, put
from pipeline import new, params, trainings
from pipeline.proposing.machine import Machine
from pipeline.proposing.pace import Pace


@pytest.fixture
def gulls(project, monkeypatch):
    """A folder of pictures beside the project's files; nothing is timed, and the machine has two cores."""
    monkeypatch.setattr(new.machine, "look", lambda: Machine("", 2, False))
    monkeypatch.setattr(new.pace, "measure", lambda recipe, *_: Pace(1 / recipe.train.crop**2, 10, 1))
    return put(project, *TEN).rename(project / "gulls of mine")


def kept(*names):
    """What the files that the command writes hold; None where one is not there."""
    names = names or ("params.yaml", "cells.yaml")
    return {name: Path(name).read_bytes() if Path(name).exists() else None for name in names}


def test_it_writes_a_recipe_and_a_plan_and_makes_it_the_dataset_that_is_run(gulls):
    output = command_line.run("new", "gulls", "gulls of mine")
    recipe = params.read("gulls")
    assert recipe.download["root"] == "gulls of mine" and recipe.network.backbone == "tf_efficientnet_lite0"
    assert [str(cell) for cell in trainings.read("gulls")] == ["ours-0-1", "ours-0-2", "ours-0-3"]
    assert trainings.read_datasets() == ["gulls"]
    assert "gulls-ours-0-3:" in Path("cells.yaml").read_text() and "tiny" not in Path("cells.yaml").read_text()
    command_line.run("plan", "--check")  # DVC finds cells.yaml as params.yaml says
    for said in (
        "2 classes, 14 training and 6 test pictures",
        "network.backbone tf_efficientnet_lite0: no GPU here",
        "'dvc repro' now runs gulls alone",
        "'pipeline plan --datasets tiny,gulls' runs both",
        "dvc repro (or 'pipeline repro'",
        "pipeline predict NEW-PICTURES --model runs/gulls/model",
        "reports/gulls/index.html",
    ):
        assert said in output, output


def test_how_to_get_the_others_back_is_true(gulls):
    command_line.run("plan")
    before = kept("cells.yaml")
    command_line.run("new", "gulls", "gulls of mine")
    command_line.run("plan", "--datasets", "tiny,gulls")
    assert trainings.read_datasets() == ["tiny", "gulls"]
    command_line.run("plan", "--datasets", "tiny")
    assert kept("cells.yaml") == before


@pytest.fixture
def real(gulls):
    """The project's own params.yaml in the place of the tiny one."""
    Path("params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())


def without_gulls(text):
    """The file without what was added, which stands before all other recipes and plans."""
    recipe = text.index("  gulls: # by 'pipeline new'")
    text = text[:recipe] + text[text.index("  birdlets: #") :]
    plan = text.index("  gulls:\n")
    return text[:plan] + text[text.index("  birdlets:\n", plan) :]


def test_in_the_projects_own_file_all_else_stays_as_it_is_comments_included(real):
    command_line.run("new", "gulls", "gulls of mine")
    after = Path("params.yaml").read_text()
    assert without_gulls(after).replace("- gulls\n", "- birdlets\n") == (ROOT / "params.yaml").read_text()
    assert "      epochs: 150 # 150 steps, 1 an epoch" in after, "values have their reasons beside them"
    with params.edit():
        pass
    assert Path("params.yaml").read_text() == after, "it has the form in which DVC writes it"


def test_the_files_ends_of_lines_and_rights_are_kept(real):
    Path("params.yaml").write_bytes((ROOT / "params.yaml").read_bytes().replace(b"\n", b"\r\n"))
    Path("params.yaml").chmod(0o640)
    command_line.run("new", "gulls", "gulls of mine")
    content = Path("params.yaml").read_bytes()
    assert content.count(b"\n") == content.count(b"\r\n") and Path("params.yaml").stat().st_mode & 0o777 == 0o640


def test_a_file_without_recipes_and_plans_gets_its_first(gulls):
    Path("params.yaml").write_text("variants:\n  ours: {}\n")
    output = command_line.run("new", "gulls", "gulls of mine")
    assert trainings.read_datasets() == ["gulls"] and "runs both" not in output


def test_options_become_values_of_the_recipe(gulls, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    boxes, split = elsewhere / "boxes.csv", elsewhere / "split.csv"
    boxes.write_text(f"file,x0,y0,x1,y1\n{TEN[0]},1,2,30,15\n")
    split.write_text("file,group\n" + "".join(f"{path},{path[:-4]}\n" for path in TEN))
    (gulls / "big gull" / "page.png").write_text("<html>")
    options = ["--boxes", str(boxes), "--split", str(split), "--broken", "leave-out", "--baseline"]
    output = command_line.run("new", "gulls", "gulls of mine", *options)
    download = params.read("gulls").download
    assert (download["boxes"], download["split"], download["broken"]) == (str(boxes), str(split), "leave-out")
    assert len(trainings.read("gulls")) == 6 and "true boxes: " in output and "left out, cannot be decoded: 1" in output


def test_the_small_version_is_offered_with_its_time_and_taken(gulls):
    offered = command_line.run("new", "gulls", "gulls of mine")
    assert "with --small, for a first look, about" in offered and "(160 pixels, 75 epochs)" in offered
    command_line.run("new", "gulls-small", "gulls of mine", "--small")
    assert params.read("gulls-small").train.epochs == 75
    assert trainings.read_datasets() == ["gulls-small"]


def test_a_busy_machine_is_said_to_be_one(gulls, monkeypatch):
    monkeypatch.setattr(os, "getloadavg", lambda: (100.0, 0, 0))
    assert "busy with other things (load 100.0)" in command_line.run("new", "gulls", "gulls of mine")


def test_a_path_outside_of_the_project_is_named_from_the_root_on(gulls, tmp_path_factory):
    elsewhere = gulls.rename(tmp_path_factory.mktemp("photos") / "gulls")
    command_line.run("new", "gulls", os.path.relpath(elsewhere))
    assert params.read("gulls").download["root"] == str(elsewhere)


@pytest.mark.parametrize("name", ["tiny", "planned"])
def test_a_name_that_is_taken_changes_nothing(gulls, name):
    write_params(Path(), {"tiny": TINY}, variants=VARIANTS)
    with params.edit() as values:
        values["plan"]["planned"] = "tiny"
    before = kept()
    with pytest.raises(AssertionError, match=rf"(recipes|plan).{name}: is there already: choose another name"):
        command_line.run("new", name, "gulls of mine")
    assert kept() == before


@pytest.mark.parametrize(
    "name, message",
    [
        ("my gulls", "'my gulls': a name begins with a letter"),
        ("../gulls", "a name begins with a letter"),
        ("2024", "a name begins with a letter"),
        ("archives", "NAME archives: a folder of that name is the project's; rename it"),
        ("true", "NAME true: to YAML this is no text; choose a name such as data-true"),
        ("null", "to YAML this is no text"),
    ],
)
def test_an_odd_name_is_a_line(gulls, name, message):
    refused(name, "gulls of mine", message)


def refused(name, folder, message):
    before = kept()
    with pytest.raises(AssertionError, match=message) as raised:
        command_line.run("new", name, str(folder))
    assert str(raised.value).count("error:") == 1 and kept() == before


def test_a_folder_that_cannot_be_trained_on_is_a_line(gulls, project):
    refused("gulls", "nowhere", "nowhere: there is no such folder; name one that holds a folder of pictures for each")
    refused("gulls", "params.yaml", "params.yaml: there is no such folder")
    (project / "empty").mkdir()
    refused("gulls", "empty", "empty: no pictures in CLASS/")
    refused("gulls", "gulls of mine/big gull", "no pictures in CLASS/.*in no class folder: 10")
    refused("gulls", project, "holds runs/, which stages delete")
    put(project, "one/1.png", "two/1.png", "two/2.png")
    refused("gulls", "mine", "class 'one' has no (train|test) picture .of 1.; .*: add some, or leave the class out")
    (gulls / "big gull" / "0.png").write_bytes(b"")
    refused("gulls", gulls, "0.png: .*or say --broken leave-out")


@pytest.mark.parametrize("inside", ["data/raw/tiny", "runs/photos", "reports", "data/gulls", "data/tiny/x"])
def test_a_folder_where_stages_delete_is_refused(gulls, inside):
    Path(inside).parent.mkdir(parents=True, exist_ok=True)
    gulls.rename(inside)
    refused("gulls", inside, "which stages delete and write anew; move your files to a folder of their own")
    assert Path(inside, TEN[0]).is_file()


def test_outside_of_a_project_it_says_where_to_go(gulls):
    Path("params.yaml").unlink()
    refused("gulls", "gulls of mine", "params.yaml: not found; run this from the project's root")


@pytest.mark.parametrize(
    "text, options, message",
    [
        ("recipes: [a]\nvariants: {ours: {}}\n", [], r"params.yaml: recipes: must be a mapping of names, got \['a'\]"),
        ("variants: {ours: {}}\ndatasets: tiny\n", [], "params.yaml: datasets: must be a list of recipes"),
        ("plan: {}\n", [], "params.yaml: variants: there is no 'ours', which is to be trained"),
        ("variants: {ours: {}}\n", ["--baseline"], "params.yaml: variants: there is no 'baseline'"),
    ],
)
def test_a_file_that_could_not_take_it_is_not_touched(gulls, text, options, message):
    Path("params.yaml").write_text(text)
    before = kept()
    with pytest.raises(AssertionError, match=message):
        command_line.run("new", "gulls", "gulls of mine", *options)
    assert kept() == before
