"""Boxes on masks that a person can check, and against scikit-image's regions."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from skimage.measure import label, regionprops

from model.boxes import compose, largest_region, mass_box, tight_box, widen


def mask(*rows):
    return torch.tensor([[cell == "#" for cell in row] for row in rows])[None]


@pytest.mark.parametrize(
    "M_b, box",
    [
        (mask("....", ".##.", "...."), [1 / 4, 1 / 3, 3 / 4, 2 / 3]),
        (mask("#...", "....", "...#"), [0, 0, 1, 1]),
        (mask("....", "....", "...#"), [3 / 4, 2 / 3, 1, 1]),
        (mask("....", "...."), [0, 0, 1, 1]),
        (mask("#"), [0, 0, 1, 1]),
    ],
    ids=["middle", "two objects", "corner", "empty", "one cell"],
)
def test_tight_box(M_b, box):
    assert tight_box(M_b)[0].tolist() == pytest.approx(box)


def test_boxes_and_largest_regions_equal_those_of_skimage():
    masks = torch.rand(200, 9, 13) < 0.35
    largest = largest_region(masks)
    for M_b, ours, box in zip(masks.numpy(), largest.numpy(), tight_box(largest), strict=True):
        regions = regionprops(label(M_b, connectivity=2))
        size = max(region.area for region in regions)
        assert ours.sum() == size
        theirs = [region.bbox for region in regions if region.area == size]
        y0, x0, y1, x1 = (box.numpy()[[1, 0, 3, 2]] * [9, 13, 9, 13]).round().astype(int)
        assert (y0, x0, y1, x1) in theirs
        assert np.array_equal(ours & M_b, ours)


def test_largest_region_follows_a_snake():
    snake = mask("#####", "....#", "#####", "#....", "#####", ".....", "##.##")
    assert largest_region(snake).sum() == 17


def test_largest_region_of_nothing_is_nothing():
    assert not largest_region(torch.zeros(2, 3, 3, dtype=torch.bool)).any()


@pytest.mark.parametrize("mass", [0.1, 0.5, 0.8, 1.0])
@pytest.mark.parametrize("shape", [(5, 7), (1, 4), (3, 1), (8, 8)])
def test_mass_box_cuts_the_same_off_at_each_side(shape, mass):
    """Against a search in small steps for the places that have so much of the mass before them."""
    M = torch.rand(4, *shape) + 0.1
    M[0, 0, 0] = -3  # logits can be negative
    for one, box in zip(M.double(), mass_box(M, mass).tolist(), strict=True):
        weights = one - one.min()
        for axis, low, high in ((0, box[0], box[2]), (1, box[1], box[3])):
            along = weights.sum(axis)
            if along.numel() == 1:
                assert (low, high) == pytest.approx(((1 - mass) / 2, (1 + mass) / 2))
                continue
            steps = 2000
            fine = along.repeat_interleave(steps) / steps
            before = fine.cumsum(0) / fine.sum()
            for found, share in ((low, (1 - mass) / 2), (high, (1 + mass) / 2)):
                at = min(int(found * len(fine)), len(fine) - 1)
                assert float(before[at]) == pytest.approx(share, abs=2e-3)


def test_mass_box_of_maps_that_say_nothing_is_the_whole_picture():
    for M in (torch.zeros(1, 3, 4), torch.full((1, 3, 4), -2.5), torch.full((1, 1, 1), 7.0)):
        assert mass_box(M, 0.5).tolist() == [[0, 0, 1, 1]]


def test_mass_box_of_one_cell_lies_inside_it():
    M = torch.zeros(1, 4, 4)
    M[0, 2, 1] = 5
    assert mass_box(M, 0.5).tolist() == [[0.3125, 0.5625, 0.4375, 0.6875]]


@given(
    st.tuples(st.floats(0, 0.9), st.floats(0, 0.9)),
    st.tuples(st.floats(0.05, 1), st.floats(0.05, 1)),
    st.floats(0, 2),
    st.floats(0, 1),
)
def test_widened_boxes_stay_inside_and_hold_what_they_were(corner, side, margin, minimum):
    corner, side = torch.tensor([corner]).double(), torch.tensor([side]).double()
    box = torch.cat([corner, (corner + side).clamp(max=1)], dim=1)
    wide = widen(box, margin, minimum)
    eps = 1e-9
    assert (wide[:, :2] <= box[:, :2] + eps).all() and (wide[:, 2:] >= box[:, 2:] - eps).all()
    assert (wide >= -eps).all() and (wide <= 1 + eps).all()
    assert (wide[:, 2:] - wide[:, :2] >= minimum - eps).all()


def test_composing_boxes_is_cropping_twice():
    picture = np.arange(40 * 80).reshape(40, 80)
    outer, inner = torch.tensor([[0.25, 0.5, 0.75, 1.0]]), torch.tensor([[0.5, 0.0, 1.0, 0.25]])
    once = cut(cut(picture, outer[0]), inner[0])
    assert np.array_equal(once, cut(picture, compose(outer, inner)[0]))


def cut(picture, box):
    height, width = picture.shape
    x0, y0, x1, y1 = (box * torch.tensor([width, height, width, height])).round().int().tolist()
    return picture[y0:y1, x0:x1]
