"""Crops are chosen from masks, or where a control says, and come from the originals."""

import numpy as np
import pandas as pd
import pytest
import torch

from model.boxes import next_crop
from pipeline import crop, images, params
from pipeline.disk import imageset, predictions
from pipeline.errors import InputError

POLICY = {"region": "all", "margin": 0.0, "minimum": 0.5}


def recipe(**changes):
    return params.Attend(**POLICY | changes)


def crops_of(folder):
    return imageset.read(folder).index[imageset.CROP].to_numpy()


def test_crops_of_crops_are_cut_from_the_original(finished):
    data = imageset.read(finished / "data/tiny/ours-0/scale-3")
    _, pictures = imageset.read_originals(finished / "data/raw/tiny")
    for row in data.index.head(5).itertuples():
        original = images.open_rgb(pictures.read(row.file), row.file)
        expected = images.cut(original, data.index.loc[row.Index, imageset.CROP].tolist(), 64)
        with data.open(row.id) as image:
            assert np.abs(np.asarray(image).astype(int) - np.asarray(expected)).mean() < 4


@pytest.mark.parametrize(
    "run, scale, attended, seen",
    [
        ("ours-0", 2, "ours-0/scale-1", "scale-1"),
        ("ours-0", 3, "ours-0/scale-2", "ours-0/scale-2"),
        ("n-1-0", 2, "n-1-0/scale-1", "scale-1"),
    ],
)
def test_a_scale_sees_what_the_masks_of_the_scale_before_chose(finished, run, scale, attended, seen):
    """By hand: the cells' extent, the margin, the least side, and all of it within what the scale before saw."""
    attend = params.read("tiny", path=finished / "params.yaml").attend
    before = imageset.read(finished / "data/tiny" / seen).index
    masks = predictions.read_maps(finished / "runs/tiny/attend" / attended, before.id)
    now = crops_of(finished / f"data/tiny/{run}/scale-{scale}")
    for at, (identity, box) in enumerate(zip(before.id, before[imageset.CROP].to_numpy(), strict=True)):
        for axis, low in ((1, 0), (0, 1)):  # x from columns, y from rows
            cells = np.flatnonzero(masks[identity][1].any(axis=1 - axis))
            count = masks[identity][1].shape[axis]
            start, end = (cells[0] / count, (cells[-1] + 1) / count) if len(cells) else (0, 1)
            side = min(max((end - start) * (1 + attend.margin), attend.minimum), 1)
            corner = min(max((start + end) / 2 - side / 2, 0), 1 - side)
            outer = box[low + 2] - box[low]
            found = [box[low] + outer * corner, box[low] + outer * (corner + side)]
            assert now[at, [low, low + 2]] == pytest.approx(found)


def test_the_next_crop_is_a_box_of_the_original():
    mask = np.zeros((4, 4), dtype=bool)
    mask[1, 1] = True
    index = boxed([0, 0, 1, 1], [0.5, 0.5, 1, 1])
    found = crop.attention(recipe(), index, [(mask.astype(np.float16), mask)] * 2)
    assert found == pytest.approx(np.array([[0.125, 0.125, 0.625, 0.625], [0.5625, 0.5625, 0.8125, 0.8125]]))


def test_region_policy():
    mask = np.array([[True, False, False, True, True]])
    for region, left in {"all": 0, "largest": 0.6, "mass": 0.6 / 4}.items():  # of five cells three have all the mass
        maps = [(mask.astype(np.float16), mask)]
        found = crop.attention(recipe(region=region, minimum=0.0, mass=0.5), boxed([0, 0, 1, 1]), maps)
        assert found[0, 0] == pytest.approx(left)


def boxed(*crops):
    return pd.DataFrame(crops, columns=imageset.CROP, dtype=float)


def test_a_centred_control_sees_as_much_as_attention_does_but_in_the_middle(finished):
    ours, control = (crops_of(finished / f"data/tiny/{run}/scale-2") for run in ("ours-0", "centred-0"))
    areas = [(boxes[:, 2:] - boxes[:, :2]).prod(axis=1) for boxes in (ours, control)]
    assert areas[0].mean() == pytest.approx(areas[1].mean()) and np.ptp(areas[1]) == pytest.approx(0)
    assert (control[:, :2] + control[:, 2:]) / 2 == pytest.approx(np.full((len(control), 2), 0.5))
    assert not np.allclose(ours, control)


def test_true_boxes_have_their_margin_and_no_least_side(finished):
    index = imageset.read(finished / "data/tiny/scale-1").index
    tight, wide = (crop.true(recipe(margin=margin), index, "x") for margin in (0.0, 0.5))
    assert tight == pytest.approx(index[imageset.BOX].to_numpy(float))
    sides = [boxes[:, 2:] - boxes[:, :2] for boxes in (tight, wide)]
    assert sides[1] == pytest.approx(np.minimum(1.5 * sides[0], 1))
    index.loc[index.index[0], imageset.BOX] = np.nan
    with pytest.raises(InputError, match=r"^x: some images have no true box, and attend.crops true_box needs all"):
        crop.true(recipe(), index, "x")


def test_attention_is_the_models_next_crop_whatever_the_masks_shapes():
    rng = np.random.default_rng(0)
    shapes = [(3, 5), (5, 3), (1, 1), (3, 5)]
    maps = [(rng.random(shape).astype(np.float16), rng.random(shape) < 0.3) for shape in shapes]
    index = boxed(*([0.1 * n, 0.2, 0.1 * n + 0.5, 0.9] for n in range(4)))
    for region in ("all", "largest", "mass"):
        policy = recipe(region=region, margin=0.2, minimum=0.3)
        found = crop.attention(policy, index, maps)
        for (M, M_b), box, row in zip(maps, index.to_numpy(), found, strict=True):
            each = (torch.from_numpy(part)[None] for part in (M_b, M, box))
            assert row == pytest.approx(next_crop(*each, policy.policy)[0].numpy())
