"""Section 4.4.3 against plain loops."""

from math import exp

import pytest
import torch

from model.prediction import cells_right, local_prediction, object_prediction


def test_local_prediction_averages_over_space_and_drops_the_background():
    A = torch.randn(2, 4, 3, 5)
    for image, p in zip(A, local_prediction(A), strict=True):
        means = [sum(image[c, y, x].item() for y in range(3) for x in range(5)) / 15 for c in range(3)]
        exp = [torch.tensor(m).exp().item() for m in means]
        assert p.tolist() == pytest.approx([e / sum(exp) for e in exp], rel=1e-5)


@pytest.mark.parametrize("readout", ["logits", "probabilities"])
def test_every_readout_is_the_mean_over_its_cells(readout):
    A, cells = torch.randn(4, 4, 3, 5), torch.rand(4, 3, 5) < 0.4
    cells[0], cells[1] = False, True
    for mask in (None, cells):
        for b, found in enumerate(local_prediction(A, readout, mask).tolist()):
            places = [(y, x) for y in range(3) for x in range(5) if mask is None or not mask[b].any() or mask[b, y, x]]
            values = A[b].double() if readout == "logits" else A[b].double().softmax(0)
            means = [sum(float(values[c, y, x]) for y, x in places) / len(places) for c in range(3)]
            shares = [exp(m) for m in means] if readout == "logits" else means
            assert found == pytest.approx([share / sum(shares) for share in shares], rel=1e-5)


def test_where_all_say_background_there_are_still_probabilities():
    A = torch.zeros(1, 4, 2, 2)
    A[:, -1] = 1e4
    assert torch.isfinite(local_prediction(A, "probabilities")).all()


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
