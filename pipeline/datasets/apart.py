"""Files of a user's are kept apart from what DVC deletes before it runs a stage."""

import os
from pathlib import Path

from pipeline import params
from pipeline.disk.cells import FOLDS
from pipeline.errors import InputError

CODE = ("model", "pipeline")  # .dvcignore lets their Python files through


def replaced() -> list[str]:
    """Return the folders in which stages delete and write anew, those of all recipes among them."""
    recipes = params.load().get("recipes") if params.PATH.exists() else None
    return ["runs", "reports", "data/raw", f"data/{FOLDS}", *(f"data/{dataset}" for dataset in recipes or ())]


def keep_apart(where: str, path: str, names: list[str]) -> None:
    """Raise InputError, which begins with ``where``, if a file or folder of the user's overlaps with one of ``names``.

    names  from ``replaced``

    So does a path that begins with '~': to DVC, which watches it, that is a folder of this name.
    """
    if path.startswith("~"):
        raise InputError(f"{where}: {path}: only shells know what '~' stands for: write the whole path")
    theirs = Path(os.path.realpath(path))  # which, unlike Path.resolve, ends where links lead in a circle
    for name in CODE:
        if theirs.is_relative_to(Path(name).resolve()):
            raise InputError(f"{where}: {path} lies in {name}/, of which DVC sees the code alone; move your files")
    for name in names:
        ours = Path(name).resolve()
        if theirs.is_relative_to(ours) or ours.is_relative_to(theirs):
            how = "lies in" if theirs.is_relative_to(ours) else "holds"
            raise InputError(
                f"{where}: {path} {how} {name}/, which stages delete and write anew; move your files "
                "to a folder of their own"
            )
