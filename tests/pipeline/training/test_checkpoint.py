"""What a checkpoint keeps, what it belongs to, and who may write it."""

import errno
import shutil
import signal
import threading
from pathlib import Path

import pytest
import torch

import command_line
import forked
import toy
from conftest import ROOT
from pipeline import params
from pipeline.disk import imageset, locks
from pipeline.errors import InputError
from pipeline.training import accelerator, checkpoint
from pipeline.training.checkpoint import Checkpoint


def start_job():
    return accelerator.start(threads=1)


def small(tmp_path, **identity):
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 1), torch.nn.BatchNorm2d(4))
    network = network.to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(network.parameters(), lr=0.1)
    return network, optimizer, Checkpoint(tmp_path / "a.safetensors", {"recipe": "r", "code": "c"} | identity)


def advance(network, optimizer):
    network(torch.ones(2, 3, 4, 4)).square().sum().backward()
    optimizer.step()
    optimizer.zero_grad()


def test_everything_comes_back(tmp_path):
    network, optimizer, first = small(tmp_path)
    advance(network, optimizer)
    first.history.append({"epoch": 1, "loss": 1 / 3})
    first.save(network, optimizer, "run")
    other, its_optimizer, _ = small(tmp_path)
    second = checkpoint.read(first.path, first.identity, start_job())
    assert second.history == [{"epoch": 1, "loss": 1 / 3}] and second.run == "run"
    second.restore(other, its_optimizer)
    for pair in ((network, optimizer), (other, its_optimizer)):
        advance(*pair)
    for (name, a), b in zip(network.state_dict().items(), other.state_dict().values(), strict=True):
        assert torch.equal(a, b) and a.stride() == b.stride(), name


@pytest.mark.parametrize("part", ["recipe", "code"])
def test_what_belongs_to_something_else_is_not_used(tmp_path, capsys, part):
    network, optimizer, first = small(tmp_path)
    advance(network, optimizer)
    first.save(network, optimizer, None)
    found = checkpoint.read(first.path, first.identity | {part: "another"}, start_job())
    assert found.history == [] and found.tensors == {}
    assert f"not used, it belongs to other {part}; training starts anew" in capsys.readouterr().out


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 a pickle", None], ids=["empty", "foreign", "cut short"])
def test_what_cannot_be_read_is_not_used(tmp_path, capsys, content):
    network, optimizer, first = small(tmp_path)
    advance(network, optimizer)
    first.save(network, optimizer, None)
    first.path.write_bytes(first.path.read_bytes()[:-10] if content is None else content)
    assert checkpoint.read(first.path, first.identity, start_job()).tensors == {}
    assert "not used, it cannot be read" in capsys.readouterr().out


def test_identity_changes_with_all_that_decides(project, tiny, write_recipe):
    write_recipe(tiny=tiny)
    command_line.run("download", "tiny", "--out", "data/raw")
    command_line.run("prepare", "tiny", "--raw", "data/raw", "--out", "data/scale-1")

    def identify(variant="ours", seed=0, start=0.0):
        images, weights = imageset.read(Path("data/scale-1")), {"conv.weight": torch.full((2, 2), start)}
        return checkpoint.identify(params.read("tiny", variant, seed), images, weights)

    first = identify()
    assert identify() == first
    assert identify("baseline")["recipe"] != first["recipe"] != identify(seed=1)["recipe"]
    assert identify(start=1.0)["weights"] != first["weights"]
    tiny["train"]["lr"] = 0.002
    write_recipe(tiny=tiny)
    assert identify()["recipe"] != first["recipe"]
    index = Path("data/scale-1/index.csv")
    index.write_text(index.read_text().replace("train", "test", 1))
    assert identify()["images"] != first["images"]


def test_a_checkpoint_belongs_to_the_code_that_dvc_watches_and_to_nothing_else(tmp_path, monkeypatch):
    for name in ("model", "pipeline"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(checkpoint, "ROOT", tmp_path)
    first = checkpoint._code()
    for name in ("pipeline/cli.py", "pipeline/tracking/run.py", "model/boxes.py", "pipeline/new.py"):
        with (tmp_path / name).open("a") as file:
            file.write("# an edit")
    (tmp_path / "pipeline" / "training" / "notes.txt").write_text("")
    assert checkpoint._code() == first
    for name in checkpoint.CODE:
        path = tmp_path / name
        edited = path / "new.py" if path.is_dir() else path
        with edited.open("a") as file:
            file.write("# an edit")
        assert checkpoint._code() != first, name
        first = checkpoint._code()


def test_only_one_job_trains_a_stage(project):
    holder = (
        "import pathlib, time\nfrom pipeline.training import accelerator, checkpoint\n"
        "job = accelerator.start(threads=1)\n"
        "with checkpoint.unfinished('tiny/train-1', job): pathlib.Path('held').touch(); time.sleep(60)"
    )
    process = forked.Process(forked.execute, holder)
    toy.until(Path("held").exists)
    with (
        pytest.raises(InputError, match=r"tiny/train-1: another job is training it; wait for it"),
        checkpoint.unfinished("tiny/train-1", start_job()),
    ):
        pass
    process.kill()
    with checkpoint.unfinished("tiny/train-1", start_job()) as folder:
        assert folder.is_dir()
    assert not folder.exists() and signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


@pytest.mark.parametrize("number", ["ENOLCK", "ENOSYS", "EOPNOTSUPP"])
def test_a_file_system_without_locks_is_said_and_trained_on(project, monkeypatch, capsys, number):
    def flock(file, operation):
        raise OSError(getattr(errno, number), "not here")

    monkeypatch.setattr(locks.fcntl, "flock", flock)
    job = start_job()
    capsys.readouterr()
    with checkpoint.unfinished("tiny/train-1", job) as folder:
        assert folder.is_dir()
    line = (
        "runs/unfinished/tiny/train-1/lock: this file system has no locks (not here): do not start tiny/train-1 twice"
    )
    assert capsys.readouterr().out == f"{line} at once\n" and not folder.exists()


def test_another_error_of_the_disk_keeps_its_traceback(project, monkeypatch):
    def flock(file, operation):
        raise OSError(errno.EIO, "broken")

    monkeypatch.setattr(locks.fcntl, "flock", flock)
    with pytest.raises(OSError, match="broken"), checkpoint.unfinished("tiny/train-1", start_job()):
        pass


@pytest.fixture
def beside(monkeypatch):
    """As on a GPU: the file is written by a thread."""
    monkeypatch.setattr(checkpoint, "_on_gpu", lambda network: True)


def test_a_gpus_state_is_written_beside_the_next_epoch(tmp_path, monkeypatch, beside):
    network, optimizer, first = small(tmp_path)
    advance(network, optimizer)
    saved = network[0].weight.detach().clone()
    go_on, atomic_write = threading.Event(), checkpoint.files.atomic_write

    def slow(path):
        assert go_on.wait(30)
        return atomic_write(path)

    monkeypatch.setattr(checkpoint.files, "atomic_write", slow)
    first.history.append({"epoch": 1})
    first.save(network, optimizer, "run")
    assert not first.path.exists(), "nothing waited for the disk"
    advance(network, optimizer)
    first.history.append({"epoch": 2})
    go_on.set()
    first.finish()
    found = checkpoint.read(first.path, first.identity, start_job())
    assert found.history == [{"epoch": 1}] and torch.equal(found.tensors["network.0.weight"], saved)


def test_an_error_of_the_thread_is_not_lost(tmp_path, monkeypatch, beside):
    def full(path):
        raise InputError("free some space")

    network, optimizer, first = small(tmp_path)
    advance(network, optimizer)
    monkeypatch.setattr(checkpoint.files, "atomic_write", full)
    for then in (first.finish, lambda: first.save(network, optimizer, None)):
        first.save(network, optimizer, None)
        with pytest.raises(InputError, match="free some space"):
            then()


KILLED = """
import time
from pathlib import Path
import torch
from pipeline.training import checkpoint
from pipeline.training.checkpoint import Checkpoint
checkpoint._on_gpu = lambda network: True
network = torch.nn.Linear(200, 200)
optimizer = torch.optim.AdamW(network.parameters())
kept = Checkpoint(Path("a.safetensors"), {"recipe": "r"})
for epoch in (1, 2):
    kept.history.append({"epoch": epoch})
    kept.save(network, optimizer, None)
    if epoch == 1:
        kept.finish()
        checkpoint.files._to_disk = lambda path: (Path("written in part").touch(), time.sleep(60))
time.sleep(60)
"""


def test_a_kill_while_the_thread_writes_leaves_the_epoch_before(project):
    process = forked.Process(forked.execute, KILLED)
    toy.until(Path("written in part").exists)
    process.kill()
    found = checkpoint.read(Path("a.safetensors"), {"recipe": "r"}, start_job())
    assert found.history == [{"epoch": 1}] and found.tensors
