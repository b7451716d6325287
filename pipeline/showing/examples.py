"""Pictures that the page offers: of the test split of the model's dataset, where that lies here."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline import images
from pipeline.disk import imageset
from pipeline.errors import InputError
from pipeline.showing import said

MOST = 8
LONGEST = 240  # pixels of a picture to choose by


@dataclass(frozen=True)
class Example:
    """A picture that can be chosen."""

    truth: str  # its class
    content: bytes  # of its file
    small: bytes  # a JPEG


def find(originals: Path, class_names: list[str]) -> list[Example]:
    """Return the first test picture of MOST classes, spread over all; none where the folder is not there.

    originals    what the stage 'download' wrote
    class_names  of the model: where the folder has others, it is another dataset's

    Raises InputError where the folder is damaged.
    """
    if not (originals / imageset.INDEX).is_file():
        return []
    index, pack = imageset.read_originals(originals)
    firsts = index[index.split == "test"].drop_duplicates("label").sort_values("label")
    if not set(index.class_name) <= set(class_names) or firsts.empty:
        return []
    chosen = firsts.iloc[np.unique(np.linspace(0, len(firsts) - 1, MOST).round().astype(int))]
    return [_read(pack.read(row.file), row.class_name, row.file) for row in chosen.itertuples()]


def _read(content: bytes, truth: str, name: str) -> Example:
    try:
        return Example(truth, content, said.thumbnail(images.open_rgb(content, name), LONGEST))
    except InputError as error:
        raise InputError(f"examples: {error}") from error
