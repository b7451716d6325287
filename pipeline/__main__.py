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
    found = [folder / ".venv" for folder in projects if (folder / ".venv" / "bin" / "python").is_file()]
    return found[0] / "bin" / "python" if found and found[0].resolve() != Path(sys.prefix).resolve() else None


if __name__ == "__main__":
    if python := environment():
        os.execv(python, [str(python), "-m", "pipeline", *sys.argv[1:]])
    from pipeline.cli import app

    app(prog_name="pipeline")
