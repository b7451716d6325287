"""Birdlets: the same bytes everywhere, true boxes, sisters that differ in their marks alone."""

import hashlib
import random

import numpy as np
import pandas as pd
import pytest

from pipeline.datasets import birdlets, sources
from pipeline.datasets.account import Account
from pipeline.datasets.birdlets import SPECIES, draw

SOURCE = birdlets.Source(reader="birdlets", seed=0, training=2, test=1)


def test_same_seed_same_bytes(tmp_path):
    for folder in ("one", "two"):
        sources.fetch(SOURCE, tmp_path / folder)
    names = sorted(path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*.*"))
    assert len(names) == 3 * len(SPECIES) + 1
    assert all((tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes() for name in names)


def test_bytes_are_those_of_every_other_machine(tmp_path):
    """A digest that was computed elsewhere; it may change only with a deliberate change of the drawing."""
    sources.fetch(SOURCE, tmp_path)
    picture = (tmp_path / "images" / "white_winged-001.bmp").read_bytes()
    assert hashlib.sha256(picture).hexdigest()[:16] == "4ce0faf2af159185"


def test_another_seed_draws_other_pictures():
    one, two = (draw("red_crowned", random.Random(f"birdlets {seed} red_crowned 0"))[0] for seed in (0, 1))
    assert one.shape != two.shape or not np.array_equal(one, two)


@pytest.mark.parametrize("species", SPECIES)
def test_the_box_holds_the_bird_and_the_bird_fills_the_box(species):
    for n in range(5):
        pixels, (x0, y0, x1, y1) = draw(species, random.Random(n))
        assert 0 <= x0 < x1 <= 1 and 0 <= y0 < y1 <= 1
        assert x1 - x0 > 0.3 or y1 - y0 > 0.3
        assert min(pixels.shape[:2]) >= 288


def test_species_differ_only_where_their_marks_are():
    """Drawn from one state of the generator, two sisters share scene and pose: the difference is small and inside."""
    one, box = draw("red_crowned", random.Random(7))
    two, _ = draw("yellow_crowned", random.Random(7))
    differs = (one != two).any(axis=2)
    assert 0 < differs.mean() < 0.02
    height, width = differs.shape
    rows, columns = np.nonzero(differs)
    assert box[0] * width - 1 <= columns.min() and columns.max() <= box[2] * width
    assert box[1] * height - 1 <= rows.min() and rows.max() <= box[3] * height


def test_every_species_has_marks_of_its_own():
    marks = [tuple(sorted(marks.items())) for marks in SPECIES.values()]
    assert len(set(marks)) == len(SPECIES) >= 10


def test_index(tmp_path):
    sources.fetch(SOURCE, tmp_path)
    index = sources.read(SOURCE, tmp_path, Account())
    assert index.groupby(["class_name", "split"]).size().unstack().to_numpy().tolist() == [[1, 2]] * len(SPECIES)
    assert isinstance(index, pd.DataFrame) and index.notna().all(axis=None)
