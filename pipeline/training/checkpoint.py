"""Checkpoints, to resume a killed training from its last complete epoch.

A checkpoint belongs to one recipe, one version of the code and of torch, and one set of images. It lies outside the
stage's outputs, because DVC deletes these before the stage runs. When the stage has written them, it is deleted.
"""

import hashlib
import json
import shutil
import signal
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import torch
from accelerate import Accelerator
from accelerate.utils import broadcast_object_list
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from pipeline import params
from pipeline.disk import files, locks
from pipeline.disk.imageset import ImageSet
from pipeline.errors import InputError, StoppedError

FOLDER = Path("runs/unfinished")
ROOT = Path(__file__).parents[2]
CODE = ("model", "pipeline/disk", "pipeline/params.py", "pipeline/train.py", "pipeline/training")  # as in dvc.yaml
IGNORED = ("model/boxes.py",)  # as in .dvcignore; tests/test_stage_code.py compares both


@dataclass
class Checkpoint:
    """One network's training so far; empty before its first epoch is complete."""

    path: Path
    identity: dict[str, str]  # from ``identify``: what the checkpoint belongs to
    history: list[dict[str, float]] = field(default_factory=list)  # a row for every epoch done
    run: str | None = None  # MLflow's id of the run that logged these epochs
    tensors: dict[str, Tensor] = field(default_factory=dict)
    writing: Future | None = None  # while a thread writes the file

    def restore(self, network: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        """Restore the state of a network and its optimiser; an empty checkpoint changes nothing."""
        if not self.tensors:
            return
        network.load_state_dict(self._named("network."))
        state = {}
        for i, p in enumerate(p for group in optimizer.param_groups for p in group["params"]):
            if moments := self._named(f"optimizer.{i}."):  # in the parameter's memory layout, as before
                state[i] = {k: torch.empty_like(p).copy_(v) if v.shape == p.shape else v for k, v in moments.items()}
        optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
        self.tensors = {}

    def save(self, network: nn.Module, optimizer: torch.optim.Optimizer, run: str | None) -> None:
        """Write the state of both, with ``history``; only the main process calls it.

        The state of a GPU is copied, and written while the next epoch runs. Until it is written the file has the epoch
        before; an error is raised by the next call, or by ``finish``.
        """
        tensors = {f"network.{k}": v for k, v in network.state_dict().items()}
        for i, moments in optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{i}.{k}": v for k, v in moments.items()}
        notes = json.dumps({"identity": self.identity, "history": self.history, "run": run})
        self.finish()
        if not _on_gpu(network):
            return self._write({k: v.contiguous() for k, v in tensors.items()}, notes)
        copies = {k: v.contiguous().to("cpu", copy=True) for k, v in tensors.items()}
        thread = ThreadPoolExecutor(max_workers=1)
        self.writing = thread.submit(self._write, copies, notes)
        thread.shutdown(wait=False)  # it ends with the file, and Python does not end before it

    def finish(self) -> None:
        """Wait until the file is written."""
        if self.writing is not None:
            writing, self.writing = self.writing, None
            writing.result()

    def _write(self, tensors: dict[str, Tensor], notes: str) -> None:
        with files.atomic_write(self.path) as temporary:
            save_file(tensors, temporary, {"notes": notes})

    def _named(self, prefix: str) -> dict[str, Tensor]:
        return {name.removeprefix(prefix): v for name, v in self.tensors.items() if name.startswith(prefix)}


@contextmanager
def unfinished(stage: str, accelerator: Accelerator) -> Iterator[Path]:
    """Lock a stage's folder of checkpoints for this job; delete the folder if the block ends without an error.

    Raises InputError if another job is training the same stage. On SIGTERM and Ctrl-C raises StoppedError, which says
    how to go on.
    """
    folder = FOLDER / stage
    folder.mkdir(parents=True, exist_ok=True)
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    lock = (folder / "lock").open("a+", encoding="utf-8") if accelerator.is_main_process else None
    try:
        if lock:
            _lock(lock, stage)
        yield folder
        accelerator.wait_for_everyone()
        if lock:
            shutil.rmtree(folder)
    except KeyboardInterrupt:
        way_on = f"its checkpoint lies in {folder}: 'dvc repro' goes on from its last complete epoch"
        raise StoppedError(f"{stage} was stopped; {way_on}" if accelerator.is_main_process else "") from None
    finally:
        signal.signal(signal.SIGTERM, before)
        if lock:
            lock.close()


def read(path: Path, identity: dict[str, str], accelerator: Accelerator) -> Checkpoint:
    """Read a checkpoint on the main process and send it to all processes; if none is usable, an empty one.

    identity  from ``identify``; a checkpoint with another identity, or one that cannot be read, is not used, and a
              message says so
    """
    found = [Checkpoint(path, identity)]
    if accelerator.is_main_process and path.exists():
        found = [_read(path, identity)]
    if accelerator.num_processes > 1:
        broadcast_object_list(found)
    return found[0]


def identify(recipe: params.Recipe, images: ImageSet, pretrained: dict[str, Tensor]) -> dict[str, str]:
    """Identify everything that the result of a training depends on."""
    return {
        "recipe": files.digest(f"{recipe.network!r} {recipe.train!r}".encode()),
        "code": _code(),
        "torch": torch.__version__,
        "images": images.digest,
        "weights": _digest(pretrained),
    }


def _digest(tensors: dict[str, Tensor]) -> str:
    content = hashlib.sha256()
    for name in sorted(tensors):
        content.update(name.encode() + tensors[name].numpy().tobytes())
    return content.hexdigest()[:16]


def _on_gpu(network: nn.Module) -> bool:
    return next(network.parameters()).is_cuda


def _code() -> str:
    """Return a digest of all code files that dvc.yaml names for a training, even those that were not imported."""
    content = hashlib.sha256()
    for name in CODE:
        path = ROOT / name
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            if (short := file.relative_to(ROOT).as_posix()) not in IGNORED:
                content.update(f"{short} {files.digest(file.read_bytes())}\n".encode())
    return content.hexdigest()[:16]


def _lock(lock, stage: str) -> None:  # noqa: ANN001
    try:
        without = locks.take(lock.fileno())
    except BlockingIOError as error:
        raise InputError(f"{stage}: another job is training it; wait for it, or stop it and run again") from error
    if without:
        print(f"{lock.name}: this file system has no locks ({without}): do not start {stage} twice at once")


def _read(path: Path, identity: dict[str, str]) -> Checkpoint:
    try:
        with safe_open(path, "pt") as file:
            notes = json.loads(file.metadata()["notes"])
            other = [name for name, value in identity.items() if notes["identity"].get(name) != value]
            if other:
                print(f"{path}: not used, it belongs to other {' and '.join(other)}; training starts anew")
                return Checkpoint(path, identity)
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (it is no dictionary)
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        print(f"{path}: not used, it cannot be read ({error}); training starts anew")
        return Checkpoint(path, identity)
    print(f"{path}: epochs 1 to {len(notes['history'])} are done; going on from there")
    return Checkpoint(path, identity, notes["history"], notes["run"], tensors)
