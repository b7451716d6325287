"""The whole command line: the stages' commands and those around them."""

import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from conftest import ROOT
from pipeline import cli, cli_stages
from pipeline.cli import app
from pipeline.disk import imageset


def test_one_command_line_has_both():
    assert cli.app is cli_stages.app
    names = [command.callback.__module__ for command in app.registered_commands]
    assert set(names) == {"pipeline.cli", "pipeline.cli_stages"}


def test_every_command_explains_itself_and_its_options():
    for command in app.registered_commands:
        name = command.name or command.callback.__name__
        result = CliRunner().invoke(app, [name, "--help"])
        assert result.exit_code == 0 and f"{command.callback.__doc__:.20}" in result.output, name


@pytest.mark.parametrize("name", list(get_command(app).commands))
def test_every_command_shows_an_example_which_its_own_parser_accepts(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    command = get_command(app).commands[name]
    title, _, example = command.epilog.partition(": ")
    words = shlex.split(example)
    assert title == "Example" and words[:2] == ["pipeline", name]
    for word in words[2:]:  # what it reads is there
        if word.startswith(("data", "runs", "reports")):
            Path(word).parent.mkdir(parents=True, exist_ok=True)
            Path(word).touch() if Path(word).suffix else Path(word).mkdir(parents=True, exist_ok=True)
    command.make_context(name, words[2:]).close()  # a usage error is raised here
    shown = " ".join(CliRunner().invoke(app, [name, "--help"]).output.split())
    assert example in shown


def test_a_narrow_terminal_or_none_and_no_place_for_temporary_files(project, write_recipe, tiny):
    """A cron job's or a container's surroundings: what is said stays one line, what is written this user's alone."""
    words = [sys.executable, "-m", "pipeline", "download"]
    surroundings = {"PYTHONPATH": str(ROOT), "COLUMNS": "20", "TMPDIR": "/nowhere", "PATH": ""}
    options = {"env": surroundings, "umask": 0o077, "stdin": subprocess.DEVNULL, "capture_output": True, "text": True}
    done = subprocess.run([*words, "tiny", "--out", "data/raw/tiny"], check=False, **options)
    assert done.returncode == 0, done.stderr
    index, pictures = imageset.read_originals(project / "data/raw/tiny")
    assert len(index) == 30 and pictures.read(index.file[0])
    assert (project / "data/raw/tiny").stat().st_mode & 0o77 == 0
    done = subprocess.run([*words, "nobody", "--out", "data/raw/tiny"], check=False, **options)
    assert done.returncode == 1 and done.stderr.splitlines() == [
        "error: params.yaml: there is no recipe for 'nobody'; recipes: tiny"
    ]
