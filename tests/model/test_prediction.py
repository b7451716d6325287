"""Section 4.4.3 against plain loops."""

import pytest
import torch

from model.prediction import cells_right, local_prediction, object_prediction


def test_local_prediction_averages_over_space_and_drops_the_background():
    A = torch.randn(2, 4, 3, 5)
    for image, p in zip(A, local_prediction(A), strict=True):
        means = [sum(image[c, y, x].item() for y in range(3) for x in range(5)) / 15 for c in range(3)]
        exp = [torch.tensor(m).exp().item() for m in means]
        assert p.tolist() == pytest.approx([e / sum(exp) for e in exp], rel=1e-5)


def test_background_does_not_matter():
    A = torch.randn(1, 4, 2, 2)
    other = A.clone()
    other[:, -1] = 100
    assert torch.equal(local_prediction(A), local_prediction(other))


def test_probabilities_sum_to_one():
    assert object_prediction(torch.randn(5, 7)).sum(1).tolist() == pytest.approx([1] * 5)


def test_cells_right_counts_the_attended_cells_alone_and_never_the_background():
    A, M_b, t = torch.randn(6, 4, 3, 5), torch.rand(6, 3, 5) < 0.5, torch.tensor([0, 1, 2, 0, 1, 2])
    M_b[0], M_b[1] = False, True
    found = cells_right(A, M_b, t)
    for b in range(6):
        cells = [A[b, :3, y, x].tolist() for y, x in M_b[b].nonzero().tolist()]
        hits = [cell.index(max(cell)) == int(t[b]) for cell in cells]
        assert float(found[b]) == pytest.approx(sum(hits) / len(hits) if hits else 0)
