"""``python3 -m pipeline``: what dvc.yaml and ``accelerate launch -m pipeline`` start.

It runs the code of the folder that it stands in, so also that of the copy that ``dvc exp run --temp`` makes.
"""

import os
import sys
from pathlib import Path


def environment() -> Path | None:
    """Return the Python of the environment that ``make install`` made, where this one is of no environment at all.

    So it is when .venv/bin/dvc is called without activating .venv: DVC's commands find the system's Python. A copy that
    DVC makes of the project lies below the project, so the folders above are looked through.
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
