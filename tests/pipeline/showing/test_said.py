"""What is shown of an answer that is known."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from pipeline import images
from pipeline.recogniser import Answer, View
from pipeline.reporting.figures import BOX_COLOURS
from pipeline.showing import said

NAMES = [f"class {n}" for n in range(7)]


def view(crop, attended, avg):
    M_b = np.zeros((2, 4), dtype=bool)
    M_b[0, :2] = True
    jpeg = images.to_jpeg(Image.new("RGB", (160, 80), "white"))
    avg = np.array(avg, dtype=np.float32)
    return View(jpeg, crop, attended, avg, avg, avg, M_b.astype(np.float32), M_b)


@pytest.fixture
def shown():
    first = view((0, 0, 1, 1), (0, 0, 0.5, 0.5), [0.1, 0.4, 0, 0.3, 0.1, 0.1, 0])
    second = view((0, 0, 0.75, 1), (0, 0, 0.25, 0.5), [0, 0.2, 0, 0.6, 0.1, 0.1, 0])
    return said.said(Answer((400, 200), [first, second]), NAMES)


def pixels(scale, name):
    kind, _, data = scale["pictures"][name].partition(",")
    assert kind == "data:image/jpeg;base64"
    with Image.open(io.BytesIO(base64.b64decode(data))) as image:
        return np.asarray(image).astype(int)


def near(pixel, colour):
    wanted = [int(colour[at : at + 2], 16) for at in (1, 3, 5)]
    return np.abs(pixel - wanted).max() < 90  # JPEG has thin lines in paler colours


def test_classes_of_all_scales_and_of_each_are_the_most_likely_first(shown):
    assert [one["class"] for one in shown["top"]] == ["class 3", "class 1", "class 4", "class 5", "class 0"]
    assert [one["probability"] for one in shown["top"]] == pytest.approx([0.45, 0.3, 0.1, 0.1, 0.05])
    assert [scale["top"][0]["class"] for scale in shown["scales"]] == ["class 1", "class 3"]
    assert shown["scales"][1]["top"][0]["probability"] == pytest.approx(0.6)


def test_boxes_are_in_pixels_of_the_picture(shown):
    assert (shown["width"], shown["height"]) == (400, 200)
    assert shown["scales"][1]["crop"] == (0, 0, 300, 200) and shown["scales"][0]["attended"] == (0, 0, 200, 100)
    assert shown["scales"][0]["share"] == 0.25


def test_pictures_have_the_boxes_the_map_and_the_mask(shown):
    first, last = shown["scales"]
    seen = pixels(first, "saw")
    assert near(seen[20, 79], BOX_COLOURS["attended"]) and near(seen[40, 119], BOX_COLOURS["next"])
    seen = pixels(last, "saw")
    assert not any(near(pixel, BOX_COLOURS["next"]) for pixel in seen.reshape(-1, 3))
    heat, mask = pixels(first, "attended"), pixels(first, "masked")
    assert heat[10, 10].tolist() != heat[70, 150].tolist()
    assert mask[10, 10].min() > 240 and mask[70, 150].max() < 70


def test_fewer_classes_than_are_named_are_all_named():
    one = view((0, 0, 1, 1), (0, 0, 1, 1), [0.25, 0.75])
    assert len(said.said(Answer((40, 20), [one]), ["a", "b"])["top"]) == 2


def test_a_thumbnail_is_small_and_its_picture_unchanged():
    picture = Image.new("RGB", (400, 100))
    with Image.open(io.BytesIO(said.thumbnail(picture, 40))) as small:
        assert small.size == (40, 10) and picture.size == (400, 100)
