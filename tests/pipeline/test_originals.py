"""The originals and their index."""

import pandas as pd
import pytest

from pipeline import originals
from pipeline.errors import InputError


def test_what_is_written_is_read(tmp_path):
    index = pd.DataFrame({"id": ["001", "002"], "file": ["a/1.png", "a/2.png"], "class_name": ["07", "08"]})
    originals.write(index, lambda file: file.encode(), tmp_path)
    read, pictures = originals.read(tmp_path)
    pd.testing.assert_frame_equal(read, index)
    assert pictures.read("a/2.png") == b"a/2.png"


def test_a_missing_folder(tmp_path):
    with pytest.raises(InputError, match=r"index.csv: missing; 'dvc repro' makes it"):
        originals.read(tmp_path)
