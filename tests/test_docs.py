"""What the documents show must work."""

import re

import pytest
from ruamel.yaml import YAML
from typer.testing import CliRunner

from conftest import ROOT
from pipeline import params, trainings
from pipeline.cli import app
from pipeline.datasets import sources
from pipeline.tracking import run as tracking

DOCUMENTS = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "data" / "README.md",
    *sorted((ROOT / "docs").glob("*.md")),
]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(path):
    for target in re.findall(r"\]\(([^)#]+)\)", path.read_text()):
        assert (path.parent / target).exists(), target


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_commands_of_ours_exist(path):
    codes = re.findall(r"`([^`\n]+)`", path.read_text())
    for command in [match[1] for code in codes if (match := re.match(r"(?:typer )?pipeline ([a-z]+)", code))]:
        assert CliRunner().invoke(app, [command, "--help"]).exit_code == 0, command


@pytest.fixture
def gulls(tmp_path, monkeypatch):
    """A project whose params.yaml is the one of docs/extending.md."""
    block = re.search(r"```yaml\n(.*?)```", (ROOT / "docs" / "extending.md").read_text(), re.DOTALL)[1]
    (tmp_path / "params.yaml").write_text(f"{block}\nvariants:\n  ours: {{}}\ndatasets: [gulls]\n")
    monkeypatch.chdir(tmp_path)


def test_the_recipe_for_ones_own_pictures_is_a_valid_one(gulls):
    assert sources.check("gulls", params.read("gulls").download).reader == "folder"


def test_the_plan_for_ones_own_pictures_is_the_method_alone(gulls):
    assert [str(cell) for cell in trainings.read("gulls")] == ["ours-0-1", "ours-0-2", "ours-0-3"]


def test_values_that_documents_name_are_values_of_recipes():
    values = set(tracking.flatten(dict(params.read("cub", path=ROOT / "params.yaml"))))
    for path in DOCUMENTS:
        for name in re.findall(r"`((?:prepare|network|train|attend)\.\w+)`", path.read_text()):
            assert name in values, name


def test_files_that_documents_name_are_there():
    for path in DOCUMENTS:
        for name in re.findall(r"`((?:pipeline|model|tests|benchmarks)/[\w/]+\.py)`", path.read_text()):
            assert (ROOT / name).is_file(), f"{path.name}: {name}"


def test_datasets_that_documents_run_have_recipes():
    recipes = YAML(typ="safe").load(ROOT / "params.yaml")["recipes"]
    for path in DOCUMENTS:
        for names in re.findall(r"DATASETS=([\w,]+)", path.read_text()):
            assert set(names.split(",")) <= {*recipes, "gulls"}, names
