"""Pictures to choose from: of the test split, of classes that are spread, of the model's own dataset."""

import pandas as pd
import pytest
from PIL import Image

from pipeline.disk import imageset
from pipeline.errors import InputError
from pipeline.showing import examples

NAMES = [f"class-{n}" for n in range(20)]


@pytest.fixture
def originals(tmp_path):
    """Originals of twenty classes, with a training and two test pictures each, the class as a shade of grey."""
    rows = []
    for label, name in enumerate(NAMES):
        for number, split in enumerate(("train", "test", "test")):
            file = f"{name}-{number}.png"
            Image.new("RGB", (500, 400), (label, number, 0)).save(tmp_path / file)
            rows.append({"id": file, "file": file, "split": split, "label": label, "class_name": name})
    index = pd.DataFrame(rows).assign(**dict.fromkeys(imageset.BOX))
    (tmp_path / "raw").mkdir()
    imageset.write_originals(tmp_path / "raw", index, tmp_path, {"said": []})
    return tmp_path / "raw"


def test_they_are_the_first_test_pictures_of_classes_from_first_to_last(originals, tmp_path):
    found = examples.find(originals, NAMES)
    assert len(found) == examples.MOST
    assert (found[0].truth, found[-1].truth) == ("class-0", "class-19")
    for one in found:
        assert one.content == (tmp_path / f"{one.truth}-1.png").read_bytes() and one.small.startswith(b"\xff\xd8")


def test_without_the_folder_or_of_another_dataset_there_are_none(originals, tmp_path):
    assert examples.find(tmp_path / "gone", NAMES) == []
    assert examples.find(originals, NAMES[:-1]) == []


def test_a_damaged_folder_is_one_line(originals):
    (originals / imageset.INDEX).write_text("id\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"index\.csv"):
        examples.find(originals, NAMES)
