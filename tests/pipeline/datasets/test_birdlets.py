"""Birdlets: the same bytes everywhere, true boxes, sisters that differ in their marks alone, two birds in some."""

import hashlib

import numpy as np
import pandas as pd
import pytest

from pipeline.datasets import birdlets, sources
from pipeline.datasets.account import Account
from pipeline.datasets.birdlets import OTHERS, PICTURES, SPECIES, draw, draw_others
from pipeline.disk.imageset import BOX

SOURCE = birdlets.Source(reader="birdlets", seed=1, training=2, test=1)


def test_same_seed_same_bytes(tmp_path):
    for folder in ("one", "two"):
        sources.fetch(SOURCE, tmp_path / folder)
    names = sorted(path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*.*"))
    assert len(names) == 3 * len(SPECIES) + 2
    assert all((tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes() for name in names)


def test_bytes_are_those_of_every_other_machine():
    """A digest that was computed elsewhere; it may change only with a deliberate change of the drawing."""
    pixels, _ = draw("white_winged", "every other machine")
    assert hashlib.sha256(pixels.tobytes()).hexdigest()[:16] == "aa4e4e71f02e1a6f"


def test_another_seed_draws_other_pictures():
    one, two = (draw("red_crowned", f"birdlets {seed} red_crowned 0")[0] for seed in (1, 2))
    assert one.shape != two.shape or not np.array_equal(one, two)


@pytest.mark.parametrize("species", SPECIES)
def test_boxes_lie_inside_and_hold_a_bird(species):
    for n in range(4):
        pixels, boxes = draw(species, f"boxes {n}")
        for x0, y0, x1, y1 in boxes:
            assert 0 <= x0 < x1 <= 1 and 0 <= y0 < y1 <= 1
            assert x1 - x0 > 0.2 or y1 - y0 > 0.2
        assert min(pixels.shape[:2]) >= 288


def test_one_picture_in_eight_has_two_birds_apart():
    found = [draw("red_throated", f"pairs {n}")[1] for n in range(40)]
    pairs = [boxes for boxes in found if len(boxes) == 2]
    assert 2 <= len(pairs) <= 10 and all(len(boxes) in (1, 2) for boxes in found)
    for one, two in pairs:
        across, down = (min(one[k + 2], two[k + 2]) - max(one[k], two[k]) for k in (0, 1))
        assert min(across, down) < 0.1, "they hardly overlap"


@pytest.mark.parametrize("sister", ["yellow_crowned", "red_crowned_white_winged"])
def test_species_differ_only_where_their_marks_are(sister):
    """Of one seed, two sisters share scene, pose and grain: the difference is small and inside."""
    (one, boxes), (two, same) = draw("red_crowned", "sisters"), draw(sister, "sisters")
    differs = (one != two).any(axis=2)
    assert 0 < differs.mean() < 0.02 and boxes == same
    height, width = differs.shape
    inside = np.zeros_like(differs)
    for x0, y0, x1, y1 in boxes:
        inside[round(y0 * height) - 2 : round(y1 * height) + 2, round(x0 * width) - 2 : round(x1 * width) + 2] = True
    assert not (differs & ~inside).any()


def test_every_species_has_marks_of_its_own():
    marks = [tuple(sorted(marks.items())) for marks in SPECIES.values()]
    assert len(set(marks)) == len(SPECIES) >= 10


def test_others_are_all_other_pairs_of_the_same_marks():
    """So that a stranger is no class, though each of its marks is one of some class."""
    pairs = [tuple(sorted(marks.items())) for marks in (SPECIES | OTHERS).values()]
    assert len(set(pairs)) == len(pairs) == 64 and not SPECIES.keys() & OTHERS.keys()
    assert {mark for pair in pairs[: len(SPECIES)] for mark in pair} == {mark for pair in pairs for mark in pair}


def test_others_are_drawn_by_the_same_code(tmp_path, monkeypatch):
    one = dict(list(OTHERS.items())[:1])
    monkeypatch.setattr(birdlets, "OTHERS", one)
    draw_others(tmp_path / "new")
    (name,) = one
    assert sorted(p.name for p in (tmp_path / "new").iterdir()) == [f"{name}-{n}.bmp" for n in range(PICTURES)]
    with birdlets.Image.open(tmp_path / "new" / f"{name}-0.bmp") as drawn:
        assert np.array_equal(drawn, draw(name, f"birdlets others {name} 0")[0])


def test_index_and_objects(tmp_path):
    source = SOURCE.model_copy(update={"training": 3})
    sources.fetch(source, tmp_path)
    index = sources.read(source, tmp_path, Account())
    assert index.groupby(["class_name", "split"]).size().unstack().to_numpy().tolist() == [[1, 3]] * len(SPECIES)
    assert isinstance(index, pd.DataFrame) and index.notna().all(axis=None)
    objects = sources.objects(source, tmp_path)
    assert list(objects.columns) == ["id", *BOX] and (objects.groupby("id").size() == 2).all() and len(objects)
    around = objects.groupby("id").agg({"x0": "min", "y0": "min", "x1": "max", "y1": "max"})
    pd.testing.assert_frame_equal(around, index.set_index("id").loc[around.index, BOX])
