"""One picture's way through a trained network: every intermediate tensor of Figures 1 to 3."""

import numpy as np
import torch
from torch import Tensor

from model.boxes import tight_box
from model.network import Network
from pipeline.disk.imageset import ImageSet
from pipeline.disk.predictions import Predictions
from pipeline.explaining.store import Anatomy
from pipeline.training.batches import load_whole


def choose(answers: Predictions) -> int:
    """Return which picture is shown: the first test picture that is answered rightly, in the order of the index.

    Where none is, the first test picture.

    ->  position in the arrays of ``answers``
    """
    tested = answers.split == "test"
    right = tested & (answers.probabilities().argmax(axis=1) == answers.label)
    return int(np.argmax(right if right.any() else tested))


@torch.inference_mode()
def dissect(network: Network, images: ImageSet, answers: Predictions, device: torch.device) -> Anatomy:
    """Run a network in eval mode on the picture that ``choose`` names, and keep what the paper's figures show of it."""
    row = choose(answers)
    identity, label = str(answers.id[row]), int(answers.label[row])
    position = int(np.flatnonzero(images.index.id == identity)[0])
    ((_, X),) = load_whole(images, [[position]], device)
    X = X.to(device)
    features = network.backbone(X).to(network.local.weight.dtype)  # 1 C H W
    with torch.autocast(X.device.type, enabled=False):
        A_i = network.local(features).unflatten(1, (network.n, network.L + 1))[0]  # n L+1 H W
    attention = network(X).attention
    others = np.delete(np.arange(network.L), label)
    second = int(others[answers.probabilities()[row, others].argmax()]) if len(others) else label
    M, M_b = attention.M[0], attention.M_b[0]
    y, x = divmod(int(M.masked_fill(~M_b, -torch.inf).argmax()), M.shape[1])
    return Anatomy(
        id=identity,
        categories=np.array([label, second]),
        f=_array(features[0].norm(dim=0)),
        A=_array(attention.A[0, [label, second, network.L]]),
        M=_array(M),
        M_b=M_b.cpu().numpy(),
        box=tight_box(attention.M_b)[0].cpu().numpy(),
        cell=np.array([y, x]),
        A_i=_array(A_i[:, :, y, x]),
    )


def _array(tensor: Tensor) -> np.ndarray:
    return tensor.float().cpu().numpy()
