"""``python3 -m pipeline``: what dvc.yaml and ``accelerate launch -m pipeline`` start.

Python finds the code in the working directory. In the copy that ``dvc exp run --temp`` makes, that is the copy's code.
"""

import os
import sys
from pathlib import Path


def environment() -> Path | None:
    """Return the Python of .venv, which ``make install`` made, if this process runs in no environment; else None.

    A user may call .venv/bin/dvc without activating .venv; then DVC's commands find the system's Python. DVC copies the
    project to a folder below it, so all parent folders are searched for .venv.
    """
    if sys.prefix != sys.base_prefix or "CONDA_PREFIX" in os.environ:
        return None
    here = Path.cwd()
    candidates = (folder / ".venv" / "bin" / "python" for folder in (here, *here.parents))
    return next((python for python in candidates if python.is_file()), None)


if __name__ == "__main__":
    if python := environment():
        os.execv(python, [str(python), "-m", "pipeline", *sys.argv[1:]])
    from pipeline.cli import app

    app(prog_name="pipeline")
