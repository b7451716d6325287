"""Stage: bring a dataset's original pictures and their index into data/raw/<dataset>."""

import shutil
from dataclasses import asdict
from pathlib import Path

from pipeline.datasets import sources
from pipeline.datasets.account import Account
from pipeline.disk import files, imageset, outputs
from pipeline.disk.sections import Section
from pipeline.errors import InputError


def run(source: Section, raw: Path) -> None:
    """Fetch the source, check its index, and write to the folder ``raw`` the index, its pictures and what was taken."""
    outputs.check_folder(raw, imageset.RAW)
    account = Account()
    with files.atomic_write(raw) as folder:
        unpacked = folder / "unpacked"
        unpacked.mkdir(parents=True)
        try:
            originals = sources.fetch(source, unpacked)
            index = sources.read(source, originals, account)
            taken = {"said": account.lines(), **asdict(account)}
            imageset.write_originals(folder, index, originals, taken, sources.objects(source, originals))
        except InputError as error:  # the folder is deleted before a user reads this: name its source instead
            raise InputError(str(error).replace(str(unpacked), _origin(source))) from error
        except UnicodeEncodeError as error:
            shown = error.object.encode("utf-8", "backslashreplace").decode("utf-8")
            raise InputError(f"{shown}: this name is not in UTF-8, so that no table can hold it; rename it") from error
        shutil.rmtree(unpacked)
    print("\n".join(["taken:", *account.class_lines(), *account.lines()]))


def _origin(source: Section) -> str:
    return next((path.rstrip("/") for path in sources.files(source)), f"the {source.reader} archive")
