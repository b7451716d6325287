"""The operations that a training step gives a GPU, ours and a plain ResNet-50's, counted with fake tensors.

A small operation costs a GPU some microseconds whatever it computes, and one that makes the host wait costs all that
was to be done ahead. No GPU is needed. Autograd, though, wants a real one for fake CUDA tensors: so the whole step is
counted with fake CPU tensors, on which Otsu's running sums are computed as on CUDA. All but its backward pass runs with
fake CUDA tensors too, and tests/test_gpu.py compares the two.
"""

from collections import Counter
from types import SimpleNamespace
from unittest import mock

import torch
from accelerate import Accelerator
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.nn.functional import cross_entropy
from torch.utils._python_dispatch import TorchDispatchMode

from benchmarks.step import N_CATEGORIES, N_CLASSIFIERS, plain
from benchmarks.timing import Row
from model import otsu
from model.backbone import build
from model.network import Network
from pipeline.training import accelerator, loop

PIXELS, BATCH = 448, 32
LIMIT = 1.25  # times the plain network's operations
ALLOCATIONS = ("aten.empty", "aten.new_empty", "aten.set_")  # they start no kernel


class Operations(TorchDispatchMode):
    """Count the operations that compute or copy something; views and allocations do neither.

    ``names`` counts them by name; ``waits`` lists those that would make the host wait: values that it reads, and
    copies between devices.
    """

    def __init__(self) -> None:
        super().__init__()
        self.names: Counter[str] = Counter()
        self.waits: list[str] = []

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):  # noqa: ANN001, ANN204
        name = f"{operation.namespace}.{operation.overloadpacket.__name__}"
        result = operation(*args, **(kwargs or {}))
        views = any(r.alias_info is not None and not r.alias_info.is_write for r in operation._schema.returns)
        if operation.namespace == "aten" and not views and not name.startswith(ALLOCATIONS):
            self.names[name] += 1
        devices = {x.device.type for x in (*args, result) if isinstance(x, torch.Tensor) and x.ndim}
        if len(devices) > 1 or name in ("aten._local_scalar_dense", "aten.nonzero", "aten.lift_fresh"):
            self.waits.append(name)
        return result


def rows() -> list[Row]:
    """Count both, in bf16 as the paper's recipes say."""
    job = accelerator.start("bf16")
    ours, theirs = (step(name, job).names.total() for name in ("ours", "plain"))
    what = f"operations of a training step, ResNet-50, n = {N_CLASSIFIERS}, L = {N_CATEGORIES}, bf16, by fake tensors"
    texts = [f"{number} operations" for number in (ours, theirs)]
    return [Row(what, *texts, ours / theirs, f"at most {LIMIT}", ours / theirs <= LIMIT)]


def step(name: str, job: Accelerator, backbone: str = "resnet50") -> Operations:
    """Count a whole training step, optimiser included, of ``ours`` or of the ``plain`` network."""
    as_on_cuda = mock.patch.object(otsu, "_running_sums", lambda x: x.cumsum(dim=0))
    with FakeTensorMode(allow_non_fake_inputs=True), as_on_cuda:
        network, X, t = _network(name, backbone), *_batch()
        optimizer = torch.optim.AdamW(network.parameters(), lr=1e-4, fused=True)  # as on GPUs
        network = job.prepare_model(network, device_placement=False)
        for _ in range(2):  # the first step makes the optimiser's state
            with Operations() as counted:
                _add_gradients(name, network, X, t, job)
                optimizer.step()
                optimizer.zero_grad()
    return counted


def without_backward(name: str, device: str, backbone: str = "resnet50") -> Operations:
    """Count a step in fp32 on fake tensors of a device, all but its backward pass."""
    alone = SimpleNamespace(num_processes=1, backward=lambda loss: None)
    with FakeTensorMode(allow_non_fake_inputs=True), torch.device(device):
        network, (X, t) = _network(name, backbone), _batch()
        optimizer = torch.optim.AdamW(network.parameters(), lr=1e-4, fused=True)
        for p in network.parameters():
            p.grad = torch.zeros_like(p)
        optimizer.step()
        with Operations() as counted:
            _add_gradients(name, network, X, t, alone)
            optimizer.step()
    return counted


def _add_gradients(name: str, network: nn.Module, X: torch.Tensor, t: torch.Tensor, job: Accelerator) -> None:
    if name == "ours":
        loop.step(network, loop.Objective(), X, t, len(X), job)
    else:
        job.backward(cross_entropy(network(X), t))


def _network(name: str, backbone: str) -> nn.Module:
    if name == "ours":
        return Network(build(backbone), N_CATEGORIES, N_CLASSIFIERS, "probability").train()
    return plain(backbone, N_CATEGORIES).train()


def _batch() -> tuple[torch.Tensor, torch.Tensor]:
    return torch.zeros(BATCH, 3, PIXELS, PIXELS, dtype=torch.uint8), torch.zeros(BATCH, dtype=torch.long)
