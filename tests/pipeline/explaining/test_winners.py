"""Which local classifier gives a cell its value, against plain loops."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch

from model.attention import aggregate
from model.network import Network
from pipeline.explaining import store, winners


@pytest.mark.parametrize("levels", [1, 3, 1000], ids=["all tied", "many tied", "few tied"])
def test_the_winner_is_the_first_of_the_classifiers_with_the_largest_logit_and_the_one_that_gradient_reaches(levels):
    A_i = torch.randint(levels, (3, 5, 4, 2, 3), generator=torch.Generator().manual_seed(levels)).float()
    A_i.requires_grad_()
    aggregate(A_i).sum().backward()
    won = winners.winners(A_i)
    assert won.shape == (3, 4, 2, 3)
    for b, c, y, x in torch.cartesian_prod(*map(torch.arange, won.shape)):
        logits = A_i[b, :, c, y, x].tolist()
        assert won[b, c, y, x] == logits.index(max(logits))
        assert A_i.grad[b, :, c, y, x].nonzero().tolist() == [[won[b, c, y, x]]]


def loop(A_i, M_b):
    """For one image: category and classifier of every attended cell, in reading order."""
    n, more, H, W = A_i.shape
    found = []
    for y in range(H):
        for x in range(W):
            if M_b[y, x]:
                values = {(c, i): A_i[i, c, y, x].item() for c in range(more - 1) for i in range(n)}  # no background
                found.append(max(values, key=values.get))
    return found


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("levels", [1, 3, 1000])
def test_a_cell_is_won_for_the_foreground_category_that_gives_m(share, levels):
    A_i, M_b = torch.randint(levels, (4, 3, 5, 3, 2)).float(), torch.rand(4, 3, 2) < share
    for pair, logits, mask in zip(winners.won(A_i, M_b), A_i, M_b, strict=True):
        assert list(map(tuple, pair.T)) == loop(logits, mask)


class Body(torch.nn.Module):
    """A backbone that hands on the pixels."""

    channels = 3

    def forward(self, X):
        return X.float()


def test_a_network_is_watched_only_inside_the_block_and_says_what_it_would_say_unwatched():
    network = Network(Body(), n_categories=4, n_classifiers=3, attention="probability").eval()
    X = torch.randint(256, (5, 3, 4, 4), dtype=torch.uint8)
    with torch.inference_mode():
        before = network(X[:2]), network(X[2:])
        with winners.watch(network) as seen:
            inside = network(X[:2]), network(X[2:])
        network(X)
        A_i = network.local(X.float()).unflatten(1, (3, 5))
    assert all(torch.equal(one.logits, then.logits) for one, then in zip(inside, before, strict=True))
    masks = torch.cat([one.attention.M_b for one in before])
    assert [list(map(tuple, pair.T)) for pair in seen] == list(map(loop, A_i, masks))


@pytest.mark.parametrize("split", [None, "test"])
def test_cells_of_test_images_alone_are_counted_whatever_order_the_images_are_run_in(split):
    index = pd.DataFrame({"split": ["test", "train", "test"], "height": [9, 8, 8], "width": [8, 8, 8]})
    images, job = (
        SimpleNamespace(index=index, class_names=["a", "b"]),
        SimpleNamespace(process_index=0, num_processes=1),
    )
    order = [1, 2, 0] if split is None else [2, 0]  # low ones first
    cells = {0: [[1, 1], [2, 0]], 1: [[0, 0], [1, 1]], 2: [[0], [1]]}
    counts = winners.count([np.array(cells[i], np.int16) for i in order], images, split, 3, job)
    assert counts.tolist() == [[0, 1], [1, 0], [0, 1]]


def test_several_processes_count_together(monkeypatch):
    index = pd.DataFrame({"split": ["test"] * 2, "height": [8, 9], "width": [8, 8]})
    images = SimpleNamespace(index=index, class_names=["a", "b"])
    shares = []
    monkeypatch.setattr(winners, "gather_object", lambda mine: shares.extend(mine) or shares)
    for process, cell in enumerate(([[0], [1]], [[1], [1]])):
        job = SimpleNamespace(process_index=process, num_processes=2)
        counts = winners.count([np.array(cell, np.int16)], images, "test", 2, job)
    assert counts.tolist() == [[0, 0], [1, 1]]


def test_attending_counts_each_attended_cell_of_a_test_image_once(finished):
    from pipeline.disk import predictions

    for run in ("ours-0/scale-1", "ours-0/scale-2", "ours-1/scale-1", "object-0/scale-1"):
        folder = finished / "runs/tiny/attend" / run
        answers, maps = predictions.read_predictions(folder), predictions.read_maps(folder)
        assert store.read_wins(folder).wins.sum() == sum(maps[name][1].sum() for name in answers.of("test").id)
    assert store.read_wins(finished / "runs/tiny/attend/n-1-0/scale-1") is None
