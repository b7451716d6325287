"""Stage: bring a dataset's original pictures and their index into data/raw/<dataset>."""

import shutil
from pathlib import Path

from pipeline.datasets import sources
from pipeline.disk import files, imageset
from pipeline.errors import InputError
from pipeline.params import Section


def run(source: Section, raw: Path) -> None:
    """Fetch the source, check its index, and write the index and the pictures that it lists to the folder ``raw``."""
    with files.atomic_write(raw) as folder:
        unpacked = folder / "unpacked"
        unpacked.mkdir(parents=True)
        try:
            sources.fetch(source, unpacked)
            index = sources.read(source, unpacked)
        except InputError as error:  # the folder is deleted before a user reads this: name its source instead
            raise InputError(str(error).replace(str(unpacked), _origin(source))) from error
        except UnicodeEncodeError as error:
            shown = error.object.encode("utf-8", "backslashreplace").decode("utf-8")
            raise InputError(f"{shown}: this name is not in UTF-8, so that no table can hold it; rename it") from error
        imageset.write_originals(folder, index, lambda file: (unpacked / file).read_bytes())
        shutil.rmtree(unpacked)


def _origin(source: Section) -> str:
    return next((path.rstrip("/") for path in sources.files(source)), f"the {source.reader} archive")
