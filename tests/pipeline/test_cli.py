"""The whole command line: the stages' commands and those around them."""

import shlex
from pathlib import Path

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from pipeline import cli, cli_stages
from pipeline.cli import app


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
