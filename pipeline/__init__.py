"""The stages of the experiment, in the order of dvc.yaml, and its commands; ``pipeline.cli`` is the entry point."""

import sys

# The `typer` command executes this file without registering it in sys.modules, and searches it for an app. Only then
# is the app imported: an ordinary import of the package does not need it.
if getattr(sys.modules.get(__name__), "__dict__", None) is not globals():
    from pipeline.typer_command import app  # noqa: F401
