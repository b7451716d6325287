"""What the documents show must work."""

import re
from pathlib import Path

import pytest
from ruamel.yaml import YAML
from typer.testing import CliRunner

from pipeline import params
from pipeline.cli import app

ROOT = Path(__file__).parents[1]
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


def test_the_recipe_for_ones_own_pictures_is_a_valid_one(tmp_path):
    block = re.search(r"```yaml\n(.*?)```", (ROOT / "docs" / "extending.md").read_text(), re.DOTALL)[1]
    (tmp_path / "params.yaml").write_text("recipes:\n" + block)
    assert params.read("gulls", tmp_path / "params.yaml").download.reader == "folder"


def test_values_that_documents_name_are_values_of_recipes():
    values = set(params.flatten(params.read("cub", ROOT / "params.yaml")))
    for path in DOCUMENTS:
        for name in re.findall(r"`((?:prepare|network|train|attend|vary)\.\w+)`", path.read_text()):
            assert name in values, name


def test_datasets_that_documents_run_have_recipes():
    recipes = YAML(typ="safe").load(ROOT / "params.yaml")["recipes"]
    for path in DOCUMENTS:
        for names in re.findall(r"DATASETS=([\w,]+)", path.read_text()):
            assert set(names.split(",")) <= {*recipes, "gulls"}, names
