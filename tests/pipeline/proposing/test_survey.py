"""What a folder of pictures holds, in numbers and in words."""

import pytest
from PIL import Image

from picture_folder import SOURCE, TEN, put
from pipeline.datasets import folder
from pipeline.errors import InputError
from pipeline.proposing import survey


def look(root, **changes):
    return survey.look(folder.Source(**SOURCE | {"root": str(root)} | changes))


def test_classes_pictures_and_sizes_are_counted(tmp_path):
    root = put(tmp_path, *TEN)
    (root / "big gull" / "notes.txt").touch()
    Image.new("RGB", (300, 400), "blue").save(root / "big gull" / "large.png")
    found = look(root)
    assert (found.classes, found.training, found.test, found.short_edge) == (2, 15, 6, 20)
    assert "big gull: 8 training, 3 test" in found.lines and "2 classes, 15 training and 6 test pictures" in found.lines
    assert "short edges of 20 to 300 pixels, half of them 20 or more" in found.lines
    assert any(line.startswith("left out, no picture by its name: 1: big gull/notes.txt") for line in found.lines)
    assert found.lines[-1].startswith("no split was given: 30% of each class, drawn, are test pictures")


def test_a_split_that_is_there_is_not_said_to_be_drawn(tmp_path):
    root = put(tmp_path, *(f"{part}/{path}" for part in ("train", "test") for path in TEN))
    assert not any("drawn" in line for line in look(root).lines)
    table = tmp_path / "split.csv"
    table.write_text("file,split\n" + "".join(f"train/{p},train\ntest/{p},test\n" for p in TEN))
    assert not any("drawn" in line for line in look(root, split=str(table)).lines)


def test_groups_are_drawn_and_said_to_be_kept_together(tmp_path):
    table = tmp_path / "groups.csv"
    table.write_text("file,group\n" + "".join(f"{path},{path[:-5]}{int(path[-5]) // 2}\n" for path in TEN))
    assert "groups kept together" in look(put(tmp_path, *TEN), split=str(table)).lines[-1]


def test_of_many_classes_those_with_the_fewest_pictures_are_named(tmp_path):
    found = look(put(tmp_path, *(f"c{c}/{n}.png" for c in range(20) for n in range(2 + (c > 0)))))
    assert found.lines[0].startswith("fewest pictures: c0: 1 training, 1 test; ")
    assert not any(line.startswith("c") for line in found.lines)


def test_pictures_that_do_not_decode_stop_it_with_the_option_that_leaves_them_out(tmp_path):
    root = put(tmp_path, *TEN)
    (root / "big gull" / "page.png").write_text("<html>")
    with pytest.raises(InputError, match=r"page.png: cannot be decoded .*; or say --broken leave-out$") as raised:
        look(root)
    assert "\n" not in str(raised.value) and "recipe" not in str(raised.value)
    assert look(root, broken="leave-out").training == 14
