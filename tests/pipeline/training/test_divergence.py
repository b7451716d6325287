"""A loss that is no number is named with its step, its rate and what is left."""

from pathlib import Path

import pytest
import torch

from pipeline.errors import InputError
from pipeline.training.divergence import Divergence

DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
def test_the_first_bad_step_is_named(device, bad):
    divergence = Divergence(3, Path("runs/unfinished/a"))
    with pytest.raises(InputError) as raised:
        for step, loss in enumerate([1.0, bad, torch.nan], start=1):
            divergence.add(torch.tensor(loss, device=device), step, 0.001)
        divergence.finish()
    assert str(raised.value) == (
        f"the loss became {bad} in step 2 of epoch 3, at a learning rate of 0.001; lower train.lr or lengthen "
        "train.warmup_epochs; what epoch 2 ended with is kept in runs/unfinished/a"
    )


@pytest.mark.parametrize("device", DEVICES)
def test_numbers_pass(device):
    divergence = Divergence(1, Path("a"))
    for step in range(5):
        divergence.add(torch.tensor(1e30, device=device), step, 1.0)
    divergence.finish()
    assert not divergence.waiting


def test_nothing_is_kept_in_the_first_epoch():
    with pytest.raises(InputError, match=r"warmup_epochs$"):
        Divergence(1, Path("a")).add(torch.tensor(torch.nan), 1, 1.0)
