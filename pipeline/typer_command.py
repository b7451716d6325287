"""``typer pipeline COMMAND``: make the commands reachable without Typer's own ``run`` in between.

Typer's command line imports the package it is given before it looks the command up, and only then adds a ``run`` with
the package's commands below it. So, while it imports us, we add the same commands to the group that is being asked.
"""

from typer._click.globals import get_current_context
from typer.main import get_command

from pipeline.cli import app

_asking = get_current_context(silent=True)
if _asking is not None:
    for _name, _command in get_command(app).commands.items():
        _asking.command.add_command(_command, _name)
