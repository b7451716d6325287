"""What the documents show must work."""

import re
import shlex
import subprocess
from pathlib import Path

import pytest
from ruamel.yaml import YAML
from typer.testing import CliRunner

import command_line
from conftest import ROOT
from pipeline import new, params, plan, trainings
from pipeline.cli import app
from pipeline.datasets import sources
from pipeline.proposing.machine import Machine
from pipeline.proposing.pace import Pace
from pipeline.proposing.survey import Survey
from pipeline.reporting import summary
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


def commands_of_dvc(text):
    """List the commands of DVC's that a document shows, in its text and in its transcripts."""
    codes = re.findall(r"`(dvc [^`\n]+)`", " ".join(text.replace("\n  ", " ").split("\n")))
    shown = re.findall(r"^(?:\w[\w-]*)?\$ .*?(dvc [^#\n]*)", text, re.MULTILINE)
    return codes + [part.strip() for line in shown for part in line.split("&&") if part.strip().startswith("dvc ")]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_commands_of_dvc_are_some_that_it_takes(path):
    from dvc.cli import DvcParserError
    from dvc.cli.parser import get_main_parser

    parser = get_main_parser()
    for command in commands_of_dvc(path.read_text()):
        words = shlex.split(command.removesuffix(" -S"))[1:]  # an option whose value the text leaves open
        try:
            parser.parse_args(words)
        except DvcParserError:
            assert words == ["exp"], f"DVC does not take {command!r}"


def test_the_first_screen_says_how_to_begin_with_ones_own_pictures():
    screen = "\n".join((ROOT / "README.md").read_text().splitlines()[:25])
    block = re.search(r"```console\n(.*?)```", screen, re.DOTALL)[1]
    assert re.findall(r"^\$ (pipeline new|dvc repro|pipeline predict)", block, re.MULTILINE) == [
        "pipeline new",
        "dvc repro",
        "pipeline predict",
    ]


def own_pictures():
    """The params.yaml that docs/extending.md shows for pictures of one's own."""
    return re.search(r"```yaml\n(.*?)```", (ROOT / "docs" / "extending.md").read_text(), re.DOTALL)[1]


def test_the_recipe_for_ones_own_pictures_is_what_pipeline_new_writes(project, monkeypatch):
    found = Survey(classes=3, training=42, test=18, short_edge=336, seconds=1, lines=())
    monkeypatch.setattr(new.survey, "look", lambda _: found)
    monkeypatch.setattr(new.machine, "look", lambda: Machine("", 2, False))
    monkeypatch.setattr(new.pace, "measure", lambda *_: Pace(1, 1, 1))
    (project / "photos").mkdir()
    command_line.run("new", "gulls", "photos")
    recipe, plan = own_pictures().replace("/home/me/photos/gulls", "photos").split("\nplan:\n")
    written = Path("params.yaml").read_text()
    assert recipe in written and f"plan:\n{plan}" in written


@pytest.fixture
def gulls(tmp_path, monkeypatch):
    """A project whose params.yaml is the one of docs/extending.md."""
    (tmp_path / "params.yaml").write_text(f"{own_pictures()}\nvariants:\n  ours: {{}}\ndatasets: [gulls]\n")
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


def test_the_table_of_results_is_the_one_that_the_metrics_give():
    words = ["git", "diff", "--quiet", "HEAD", "--", "reports/metrics"]
    if (ROOT / ".git").exists() and subprocess.run(words, cwd=ROOT, check=False).returncode:
        pytest.skip("reports/metrics has what this machine's run gave")
    text, datasets = summary.shown((ROOT / "README.md").read_text())
    given = summary.to_markdown(summary.table(ROOT / "reports", datasets))
    assert text == given, "refresh it: python -m pipeline.reporting.summary"
    assert "birdlets" in datasets


def test_the_size_of_the_papers_grid_is_that_of_its_plan(monkeypatch):
    monkeypatch.chdir(ROOT)
    read = YAML(typ="safe").load
    lists = {name: len(items) for name, items in read(plan.spell(["cub", "cars", "aircraft"])).items()}
    stages = read(Path("dvc.yaml"))["stages"]
    kinds = {name: lists[stage["foreach"][2:-1]] if "foreach" in stage else 1 for name, stage in stages.items()}
    parts = [kinds.pop(name) for name in ("train", "attend", "crop")]
    said = "The grid is {} stages ({} trainings, {} `attend`, {} `crop`, {} others)"
    rest = sum(kinds.values())
    assert said.format(sum(parts) + rest, *parts, rest) in Path("docs/scaling.md").read_text()
    assert f"# {sum(parts) + rest} stages" in Path("docs/full-run.md").read_text()
