"""The folder that an attend stage writes and later stages read: predictions, boxes and maps of one trained network.

``runs/<dataset>/attend/<variant>-<seed>/scale-<scale>`` has predictions.npz; boxes.csv and maps.npz where the network
has local classifiers.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import pandas as pd

from pipeline.disk import files
from pipeline.errors import InputError

N_SCALES = 3  # the paper's; over fewer there is no multi-scale ('ms') accuracy
ATTENDED = ["x0", "y0", "x1", "y1"]  # box around attended cells, as shares of the ORIGINAL's sides
NEXT = ["next_x0", "next_y0", "next_x1", "next_y1"]  # the same, widened: what the next scale sees


@dataclass(frozen=True)
class Predictions:
    """Outputs of one trained network for N images of L categories.

    Without local classifiers ``loc`` equals ``obj``. A level whose loss was not minimised has untrained classifiers.
    """

    id: np.ndarray  # (N,) str
    split: np.ndarray  # (N,) str
    label: np.ndarray  # (N,) int64
    loc: np.ndarray  # (N, L) float32, probabilities of the local classifiers
    obj: np.ndarray  # (N, L) float32, probabilities of the object-level classifier
    answer: str = "avg"  # the level whose prediction counts: 'avg', or the only one that was trained

    @property
    def avg(self) -> np.ndarray:
        """The scale's prediction, the mean of both levels (section 4.4.3)."""
        return (self.loc + self.obj) / 2

    def accuracies(self) -> dict[str, float]:
        """Return the accuracies of both levels and of their mean, in percent."""
        return {f"acc_{kind}": accuracy(getattr(self, kind), self.label) for kind in ("loc", "obj", "avg")}

    def probabilities(self) -> np.ndarray:
        """Return the probabilities (N, L) of the level ``answer``."""
        return getattr(self, self.answer)

    def of(self, split: str) -> "Predictions":
        """Return the predictions of one split."""
        rows = self.split == split
        return Predictions(
            self.id[rows], self.split[rows], self.label[rows], self.loc[rows], self.obj[rows], self.answer
        )


def accuracy(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Return the share of images whose most likely category is the true one, in percent.

    >>> accuracy(np.array([[0.9, 0.1], [0.6, 0.4]]), np.array([0, 1]))
    50.0
    """
    return 100 * float((probabilities.argmax(axis=1) == labels).mean())


def write_predictions(folder: Path, predictions: Predictions) -> None:
    """Write predictions.npz."""
    with files.atomic_write(folder / "predictions.npz") as temporary, temporary.open("wb") as file:
        np.savez(file, **vars(predictions))


def read_predictions(folder: Path) -> Predictions:
    """Read predictions.npz."""
    with _open(folder / "predictions.npz") as stored:
        arrays = {name: stored[name] for name in ("id", "split", "label", "loc", "obj")}
        return Predictions(**arrays, answer=str(stored["answer"]))


def write_boxes(folder: Path, boxes: pd.DataFrame) -> None:
    """Write boxes.csv: id, the columns of ATTENDED and NEXT, attended (share of the cells), constant."""
    with files.atomic_write(folder / "boxes.csv") as temporary:
        boxes.to_csv(temporary, index=False)


def read_boxes(folder: Path) -> pd.DataFrame:
    """Read boxes.csv, indexed by the images' ids."""
    path = folder / "boxes.csv"
    try:
        return pd.read_csv(path, dtype={"id": str}).set_index("id")[[*ATTENDED, *NEXT, "attended", "constant"]]
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{path}: cannot be read ({error}); run its attend stage") from error


def write_maps(folder: Path, maps: dict[str, tuple[np.ndarray, np.ndarray]]) -> None:
    """Write maps.npz: M and M_b of some images.

    Maps differ in shape, which numpy cannot store without pickle. So they are flattened, joined end to end, and stored
    with their shapes.
    """
    with files.atomic_write(folder / "maps.npz") as temporary, temporary.open("wb") as file:
        np.savez_compressed(
            file,
            id=np.array(list(maps), dtype=str),
            shape=np.array([M.shape for M, _ in maps.values()]),
            M=np.concatenate([M.ravel() for M, _ in maps.values()]).astype(np.float16),
            M_b=np.concatenate([M_b.ravel() for _, M_b in maps.values()]),
        )


def read_maps(folder: Path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Read maps.npz: M (H, W) float16 and M_b (H, W) bool by image."""
    with _open(folder / "maps.npz") as stored:
        ends = stored["shape"].prod(axis=1).cumsum()[:-1]
        M, M_b = np.split(stored["M"], ends), np.split(stored["M_b"], ends)
        rows = zip(stored["id"], stored["shape"], M, M_b, strict=True)
        return {str(i): (m.reshape(shape), b.reshape(shape)) for i, shape, m, b in rows}


@contextmanager
def _open(path: Path) -> Iterator[np.lib.npyio.NpzFile]:
    """Open arrays without trusting their content: pickles are refused, and every error becomes an InputError."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            yield stored
    except (OSError, ValueError, KeyError, EOFError, AttributeError, TypeError, BadZipFile) as error:
        raise InputError(f"{path}: cannot be read ({error}); run its attend stage") from error
