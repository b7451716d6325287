"""``python3 -m pipeline``: what dvc.yaml and ``accelerate launch -m pipeline`` start.

It runs the code of the working directory, so also that of the copy that ``dvc exp run --temp`` makes. An old Python
must be able to read this file: it may be the system's.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path


def environment() -> Path | None:
    """Return the Python of the environment that ``make install`` made, if this process runs in no environment.

    That happens when somebody calls .venv/bin/dvc without activating .venv: DVC's commands find the system's Python.
    The environment is in the working directory, or in the project of which DVC has made the working directory a copy.
    """
    in_conda = os.environ.get("CONDA_DEFAULT_ENV", "base") != "base"  # conda activates 'base' without being asked
    if sys.prefix != sys.base_prefix or in_conda:
        return None
    here = Path.cwd()
    projects = [here, *(folder.parent for folder in here.parents if folder.name == ".dvc")]
    found = [folder / ".venv" for folder in projects if os.access(folder / ".venv" / "bin" / "python", os.X_OK)]
    return found[0] / "bin" / "python" if found and found[0].resolve() != Path(sys.prefix).resolve() else None


def unfit() -> str:
    """Return what stops this Python from running the project, in a line; nothing if it will do."""
    here = f"{sys.executable} (Python {sys.version.split()[0]})"
    way_out = "run 'make install', and then 'source .venv/bin/activate'"
    if sys.version_info < (3, 11):  # noqa: UP036  (nothing of this project is installed for it)
        return f"error: {here} is too old, Python 3.11 or newer is needed: {way_out}"
    try:
        import typer  # noqa: F401
    except ModuleNotFoundError as error:
        return f"error: {error}: the project is not installed for {here}: {way_out}"
    return ""


if __name__ == "__main__":
    if python := environment():
        os.execv(python, [str(python), "-m", "pipeline", *sys.argv[1:]])
    if reason := unfit():
        sys.exit(reason)
    if sys.getfilesystemencoding() != "utf-8":  # a locale such as de_DE.ISO-8859-1: names of files would be misread
        os.environ["PYTHONUTF8"] = "1"  # read at a start only; DVC, which 'pipeline repro' starts, needs it as well
        os.execv(sys.executable, [sys.executable, "-m", "pipeline", *sys.argv[1:]])
    from pipeline.cli import app

    app(prog_name="pipeline")
