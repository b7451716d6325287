"""What a machine is found to have; no test here has a GPU, or asks the network."""

import pytest
import torch

from pipeline.proposing import machine


@pytest.fixture
def asked(tmp_path, monkeypatch):
    """A machine whose torch has an empty cache, and no network; the addresses that are asked."""
    addresses = []

    def refuse(request, timeout):
        addresses.append(request.full_url)
        raise OSError("no network")

    monkeypatch.setattr(machine, "urlopen", refuse)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    return addresses


def test_without_a_gpu_nobody_is_asked_for_weights(asked, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert machine.look() == machine.Machine("", 1, False) and not asked


def test_with_a_gpu_weights_are_looked_for_here_and_then_asked_for(asked, monkeypatch, tmp_path):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: "Card")
    found = machine.look()
    assert found.gpu == "Card" and not found.weights
    assert len(asked) == 1 and asked[0].endswith(".pth")
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / asked.pop().rpartition("/")[2]).touch()
    assert machine.look().weights and not asked
