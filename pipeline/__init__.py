"""The experiment, stage by stage, in the order data flows through it; ``pipeline.cli`` is the way in."""

import sys

# The `typer` command executes this file beside sys.modules, and looks for an app in it; nothing else does.
if getattr(sys.modules.get(__name__), "__dict__", None) is not globals():
    from pipeline.typer_command import app  # noqa: F401
