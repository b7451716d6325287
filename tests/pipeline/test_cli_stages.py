"""The command line in all its spellings, and what it says of bad input."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML
from typer.testing import CliRunner

import command_line
from pipeline.cli import app

ROOT = Path(__file__).parents[2]
STAGES = [
    "plan",
    "weights",
    "download",
    "prepare",
    "train",
    "attend",
    "crop",
    "evaluate",
    "measure",
    "compare",
    "export",
    "report",
]
COMMANDS = [
    *STAGES,
    "launch",
    "repro",
    "ablate",
    "calibrate",
    "check",
    "choose",
    "index",
    "new",
    "predict",
    "register",
    "send",
    "show",
    "strangers",
]
BIN = Path(sys.executable).parent


@pytest.mark.parametrize(
    "spelling",
    [
        [BIN / "pipeline"],
        [sys.executable, "-m", "pipeline"],
        [BIN / "typer", "pipeline"],
        [BIN / "typer", "pipeline", "run"],
    ],
    ids=["pipeline", "python -m pipeline", "typer pipeline", "typer pipeline run"],
)
def test_every_spelling_reaches_the_same_commands(spelling, tmp_path):
    def ask(*words):
        return subprocess.run([*spelling, *words], capture_output=True, text=True, cwd=tmp_path, check=False)

    listed = ask("--help")
    assert listed.returncode == 0 and all(command in listed.stdout for command in COMMANDS)
    helped = ask("train", "--help")
    assert helped.returncode == 0 and "section 4.4" in helped.stdout
    failed = ask("download", "cub", "--out", "raw")
    assert failed.returncode == 1
    assert failed.stderr.strip() == "error: params.yaml: not found; run this from the project's root"


def test_help_does_not_import_torch():
    code = "import sys, pipeline.cli; sys.exit(bool({'torch', 'pandas', 'mlflow'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_every_stage_of_dvc_yaml_has_a_command():
    stages = YAML(typ="safe").load(ROOT / "dvc.yaml")["stages"]
    assert list(stages) == STAGES
    names = [command.name or command.callback.__name__ for command in app.registered_commands]
    assert sorted(names) == sorted(COMMANDS)


@pytest.mark.parametrize("scale", ["0", "4", "one"])
def test_a_scale_that_is_none(scale):
    result = CliRunner().invoke(app, ["train", "cub", "--scale", scale, "--images", ".", "--out", "x"])
    assert result.exit_code == 2 and "scale" in result.output


def test_a_slip_in_a_late_section_stops_an_early_stage(project, write_recipe, tiny):
    tiny["attend"]["margins"] = tiny["attend"].pop("margin")
    write_recipe(tiny=tiny)
    with pytest.raises(AssertionError, match=r"recipes.tiny.attend.margins: unknown key; did you mean 'margin'\?"):
        command_line.run("download", "tiny", "--out", "raw")
    assert not (project / "raw").exists()


def test_bugs_keep_their_traceback(project, monkeypatch):
    monkeypatch.setattr("pipeline.download.run", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        command_line.run("download", "tiny", "--out", "raw")


@pytest.mark.parametrize(
    "words", [["plan"], ["download", "tiny", "--out", "data/raw/tiny"], ["launch", "train", "tiny"]]
)
def test_where_outputs_cannot_be_kept_nothing_begins(project, words):
    (project / "runs").touch()
    with pytest.raises(AssertionError, match="error: runs: is a file, and DVC keeps a folder there"):
        command_line.run(*words)
    assert not (project / "data").exists()


@pytest.mark.parametrize(
    "environment",
    [
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"LC_ALL": "POSIX"},
        {"PYTHONIOENCODING": "ascii"},
    ],
    ids=["C", "POSIX", "ascii"],
)
def test_in_a_locale_without_utf8_text_is_read_and_shown(project, environment):
    recipe = (project / "params.yaml").read_text(encoding="utf-8")
    (project / "params.yaml").write_text(f"# Vögel, 鳥\n{recipe}", encoding="utf-8")
    code = "from pipeline.cli import app; app(['plan'], standalone_mode=False); print('V\\xf6gel', '\\udcff')"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] in (b"V\\xf6gel \\udcff", "Vögel \\udcff".encode())


def test_windows_is_refused_before_the_first_stage(project, monkeypatch):
    monkeypatch.setattr(sys, "platform", "win32")
    result = CliRunner().invoke(app, ["plan", "--check"])
    assert result.exit_code == 1 and "error: this does not run on Windows itself; in WSL it does" in result.output
