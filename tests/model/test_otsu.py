"""Otsu against scikit-image, bit for bit, on random maps and on the degenerate ones."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from skimage.filters import threshold_otsu
from torch._subclasses.fake_tensor import FakeTensorMode

from benchmarks.operations import Operations
from model.otsu import _running_sums, _sums_in_sequence, binarise, threshold


def skimage_threshold(M):
    """scikit-image's threshold of one map; None where it refuses to find one."""
    try:
        with np.errstate(over="ignore"):
            return threshold_otsu(M.numpy())
    except ValueError as error:
        assert "Too many bins" in str(error)
        return None


def assert_same_as_skimage(maps):
    t, constant = threshold(maps)
    M_b, _ = binarise(maps)
    for i, M in enumerate(maps):
        expected = skimage_threshold(M)
        if expected is None or (M[0, 0] == M).all():
            assert constant[i] and M_b[i].all()
        else:
            assert not constant[i]
            assert t[i].numpy() == expected
            assert np.array_equal(M_b[i].numpy(), M.numpy() > expected)


KINDS = {
    "uniform": lambda: torch.rand(250, 14, 14),
    "normal": lambda: torch.randn(250, 7, 13) * 10 ** torch.empty(250, 1, 1).uniform_(-6, 6),
    "probabilities": lambda: (torch.randn(250, 11, 9, 9) * 3).softmax(1)[:, :-1].amax(1),
    "two levels": lambda: (torch.rand(250, 5, 5) < 0.4).float(),
    "few levels, many ties": lambda: torch.randint(0, 4, (250, 6, 6)).float() / 3,
    "tiny range on a high level": lambda: 1 + torch.rand(250, 8, 8) * 10 ** torch.empty(250, 1, 1).uniform_(-7, -3),
}


@pytest.mark.parametrize("kind", KINDS)
def test_threshold_and_masks_equal_skimage(kind):
    assert_same_as_skimage(KINDS[kind]())


def test_some_random_maps_have_no_threshold_in_skimage():
    """Else the test above would not reach the branch that it is there for."""
    maps = KINDS["tiny range on a high level"]()
    assert 0 < sum(skimage_threshold(M) is None for M in maps) < len(maps)


@pytest.mark.parametrize(
    "M",
    [
        torch.zeros(1, 3, 3),
        torch.full((1, 2, 2), -7.5),
        torch.tensor([[[0.0, 1.0]]]),
        torch.tensor([[[0.0, 1e-45]]]),
        torch.tensor([[[-1e30, 0.0, 1e30]]]),
        torch.tensor([[[0.0, 0.5, 1.0]]]),
        torch.tensor([[[3.0]]]),
    ],
    ids=["zero", "constant", "two cells", "denormal", "huge", "symmetric", "one cell"],
)
def test_degenerate_maps(M):
    assert_same_as_skimage(M)


@pytest.mark.gpu
@pytest.mark.parametrize("kind", KINDS)
def test_a_gpu_gives_the_masks_of_a_cpu(kind):
    maps = KINDS[kind]()
    ours, theirs = (binarise(maps.to(device)) for device in ("cuda", "cpu"))
    assert torch.equal(ours[0].cpu(), theirs[0]) and torch.equal(ours[1].cpu(), theirs[1])
    assert torch.equal(threshold(maps.cuda())[0].cpu(), threshold(maps)[0])


@pytest.mark.gpu
@pytest.mark.parametrize("maps", [1, 2, 64, 3000])
def test_on_a_gpu_cumsum_adds_row_after_row(maps):
    x = torch.rand(256, 3 * maps, device="cuda") * 10 ** torch.empty(256, 1, device="cuda").uniform_(-4, 4)
    assert torch.equal(_running_sums(x), _sums_in_sequence(x.clone()))


def test_each_device_has_its_way_to_running_sums():
    """On CPUs torch.cumsum would add in another order; whether it does so on a GPU, only a GPU can say."""
    x = torch.rand(256, 6)
    assert torch.equal(_running_sums(x.clone()), torch.from_numpy(np.cumsum(x.numpy(), axis=0)))
    with FakeTensorMode(), torch.device("cuda"):
        x = torch.rand(256, 6)
        with Operations() as counted:
            _running_sums(x)
    assert counted.names == {"aten.cumsum": 1}


@settings(max_examples=200, deadline=None)
@given(arrays(np.float32, (3, 4), elements=st.floats(0, 1, width=32)))
def test_any_map(values):
    assert_same_as_skimage(torch.from_numpy(values)[None])


def test_an_images_mask_does_not_depend_on_its_neighbours():
    maps = torch.randn(6, 7, 7) * torch.arange(1, 7).view(6, 1, 1)
    alone = torch.cat([binarise(M[None])[0] for M in maps])
    assert torch.equal(binarise(maps)[0], alone)


def test_no_mask_is_empty_and_none_carries_a_gradient():
    M = torch.randn(50, 4, 4, requires_grad=True)
    M_b, _ = binarise(M)
    assert M_b.flatten(1).any(dim=1).all() and not M_b.requires_grad


def test_bfloat16_is_read_as_float32():
    M = torch.rand(4, 6, 6).bfloat16()
    assert torch.equal(binarise(M)[0], binarise(M.float())[0])


@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf])
def test_a_diverged_network_gives_no_empty_mask(value):
    """The loss then says so, with its step; a crash or an empty mask here would hide where it began."""
    M = torch.rand(2, 4, 5)
    M[0, 2, 3] = value
    M_b, constant = binarise(M)
    assert constant.tolist() == [True, False]
    assert M_b[0].all() and torch.equal(M_b[1], binarise(M[1:])[0][0])
