"""Drawings: those of the gallery, each in a place of its own."""

import io

import numpy as np
from PIL import Image

from pipeline.predicting import drawing
from pipeline.predicting.sources import Source
from pipeline.recogniser import Answer, View


def answer():
    picture = io.BytesIO()
    Image.new("RGB", (64, 64), "red").save(picture, "JPEG")
    p, M = np.array([0.75, 0.25]), np.arange(4.0).reshape(2, 2)
    return Answer((64, 64), [View(picture.getvalue(), (0, 0, 1, 1), (0.5, 0.5, 1, 1), p, p, p, M, M > 2)])


def test_it_shows_each_scale_and_whether_the_folder_agrees():
    for truth, mark in {"gull": "✓ gull", "tern": "✗ gull", None: "gull"}.items():
        figure = drawing.draw(answer(), ["gull", "tern"], truth)
        assert figure.axes[1].get_xlabel() == mark and len(figure.axes) == 3
        assert figure.axes[0].get_ylabel() == (truth or "")


def test_a_long_name_and_one_that_is_taken_get_places_of_their_own(tmp_path):
    figure = drawing.draw(answer(), ["gull", "tern"], None)
    long = [f"d/{'é' * 122}{end}.jpg" for end in ("1234567", "7654321")]  # 255 bytes
    places = [drawing.save(figure, Source(path), tmp_path) for path in ["a.jpg", "../a.jpg", *long]]
    assert places[:2] == ["overlays/a.jpg.png", "overlays/a.jpg-2.png"] and len(set(places)) == 4
    assert all((tmp_path / place).stat().st_size > 1000 for place in places)
