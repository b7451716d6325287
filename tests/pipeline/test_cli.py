"""The whole command line: the stages' commands and those around them."""

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
