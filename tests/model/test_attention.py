"""Eq. 1 and section 4.3 against plain loops."""

import pytest
import torch

from model.attention import aggregate, attention_map


def test_aggregate_is_equation_1():
    A_i = torch.randn(2, 3, 4, 5, 6)
    A = aggregate(A_i)
    for b, c, y, x in torch.cartesian_prod(*map(torch.arange, A.shape)):
        assert A[b, c, y, x] == max(A_i[b, i, c, y, x] for i in range(3))


@pytest.mark.parametrize("tied", [False, True], ids=["distinct", "tied"])
def test_gradient_reaches_one_classifier_only_the_one_that_attains_the_maximum(tied):
    A_i = torch.zeros(1, 3, 2, 2, 2) if tied else torch.randn(1, 3, 2, 2, 2)
    A_i.requires_grad_()
    aggregate(A_i).sum().backward()
    assert (A_i.grad.sum(dim=1) == 1).all() and ((A_i.grad == 0) | (A_i.grad == 1)).all()
    reached = A_i.grad.bool()
    assert (A_i.detach()[reached] == aggregate(A_i).detach().expand(1, 3, 2, 2, 2)[reached]).all()


def test_map_is_the_largest_foreground_probability():
    A = torch.randn(2, 4, 3, 5)
    M = attention_map(A)
    for b, y, x in torch.cartesian_prod(*map(torch.arange, M.shape)):
        exp = [float(v.double().exp()) for v in A[b, :, y, x]]
        assert M[b, y, x].item() == pytest.approx(max(exp[:-1]) / sum(exp), rel=1e-6)


def test_map_of_logits_ignores_the_background():
    A = torch.tensor([1.0, 3.0, 99.0]).view(1, 3, 1, 1)
    assert attention_map(A, "logit").item() == 3


def test_map_is_float32_in_any_precision():
    assert attention_map(torch.randn(1, 3, 2, 2).bfloat16()).dtype == torch.float32
