"""``typer pipeline COMMAND``: make the commands reachable without Typer's own ``run`` in between.

Typer's command line first imports the given package, then adds a command ``run`` with the package's commands below it,
and then looks the command up. So this module, while Typer imports it, adds our commands beside that ``run``.
"""

from typer._click.globals import get_current_context
from typer.main import get_command

from pipeline.cli import app

_asking = get_current_context(silent=True)
if _asking is not None:
    for _name, _command in get_command(app).commands.items():
        _asking.command.add_command(_command, _name)
