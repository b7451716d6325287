"""Equations 2 to 5 against themselves, written out location by location."""

from math import log

import pytest
import torch

from model.losses import local_loss, object_loss


def as_printed(A, M_b, t):
    """Equations 2-4 for one image, one location at a time, as the paper prints them."""
    p, (H, W) = A.double().softmax(0), M_b.shape
    places = [(y, x) for y in range(H) for x in range(W)]
    w = sum(float(M_b[place]) for place in places) / (H * W)
    l_1 = sum(-log(p[t, y, x]) for y, x in places if M_b[y, x])
    l_0 = sum(-log(p[-1, y, x]) for y, x in places if not M_b[y, x])
    return ((1 - w) * l_1 + w * l_0) / (W * H)


@pytest.mark.parametrize("attended", [0.0, 0.3, 1.0], ids=["nothing", "some", "everything"])
@pytest.mark.parametrize("B, L, H, W", [(3, 5, 5, 4), (1, 2, 1, 1), (2, 201, 3, 2)])
def test_local_loss_is_equations_2_to_4(attended, B, L, H, W):
    A, M_b, t = torch.randn(B, L + 1, H, W), torch.rand(B, H, W) < attended, torch.randint(L, (B,))
    expected = [as_printed(*image) for image in zip(A, M_b, t, strict=True)]
    torch.testing.assert_close(local_loss(A, M_b, t), torch.tensor(expected, dtype=torch.float32))


def test_an_all_or_nothing_mask_costs_nothing():
    A, t = torch.randn(2, 4, 3, 3), torch.tensor([0, 1])
    M_b = torch.stack([torch.ones(3, 3), torch.zeros(3, 3)]).bool()
    assert local_loss(A, M_b, t).tolist() == [0, 0]


def test_gradient_raises_the_target_of_each_location():
    A = torch.zeros(1, 3, 1, 2, dtype=torch.float64, requires_grad=True)
    M_b, t = torch.tensor([[[True, False]]]), torch.tensor([0])
    local_loss(A, M_b, t).sum().backward()
    assert A.grad[0, 0, 0, 0] < 0 and A.grad[0, -1, 0, 1] < 0
    assert A.grad[0, -1, 0, 0] > 0 and A.grad[0, 0, 0, 1] > 0


def test_losses_are_float32_in_any_precision():
    A, t = torch.randn(2, 4, 3, 3), torch.tensor([0, 1])
    M_b = torch.rand(2, 3, 3) < 0.5
    assert local_loss(A.bfloat16(), M_b, t).dtype == object_loss(A[:, :3, 0, 0].bfloat16(), t).dtype == torch.float32


def test_object_loss_is_equation_5():
    logits, t = torch.randn(3, 4), torch.tensor([0, 3, 1])
    expected = [-log(float(p[c])) for p, c in zip(logits.double().softmax(1), t, strict=True)]
    torch.testing.assert_close(object_loss(logits, t), torch.tensor(expected, dtype=torch.float32))


@pytest.mark.parametrize("s", [0.1, 0.9])
def test_smoothed_targets_give_each_category_its_share_and_the_background_none(s):
    A, M_b, t = torch.randn(2, 4, 3, 2), torch.rand(2, 3, 2) < 0.5, torch.tensor([2, 0])
    for b, found in enumerate(local_loss(A, M_b, t, s).tolist()):
        p, expected, w = A[b].double().softmax(0), 0.0, float(M_b[b].double().mean())
        for y, x in ((y, x) for y in range(3) for x in range(2)):
            target = [(1 - s) * (c == int(t[b])) + s / 3 for c in range(3)] + [0] if M_b[b, y, x] else [0, 0, 0, 1]
            cost = -sum(share * log(p[c, y, x]) for c, share in enumerate(target))
            expected += ((1 - w) if M_b[b, y, x] else w) * cost / 6
        assert found == pytest.approx(expected, rel=1e-5)
    for logits, category, found in zip(A[:, :3, 0, 0], t, object_loss(A[:, :3, 0, 0], t, s).tolist(), strict=True):
        p = logits.double().softmax(0)
        expected = -sum(((1 - s) * (c == int(category)) + s / 3) * log(p[c]) for c in range(3))
        assert found == pytest.approx(float(expected), rel=1e-5)
