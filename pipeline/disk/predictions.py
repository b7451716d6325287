"""The folder that an attend stage writes and later stages read: predictions, boxes and maps of one trained network.

``runs/<dataset>/attend/<variant>-<seed>/scale-<scale>`` has predictions.npz; boxes.csv and maps.npz where the network
has local classifiers.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.disk import files, text
from pipeline.disk.imageset import EPS
from pipeline.disk.pack import DAMAGE
from pipeline.errors import InputError, one_line

FILES = ("predictions.npz", "boxes.csv", "maps.npz")
N_SCALES = 3  # the paper's; over fewer there is no multi-scale ('ms') accuracy
ATTENDED = ["x0", "y0", "x1", "y1"]  # box around attended cells, as shares of the ORIGINAL's sides
WAY_OUT = "run its attend stage"


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
    averaging: str = "probabilities"  # of levels and of scales, as ``over_scales`` has it

    @property
    def avg(self) -> np.ndarray:
        """The scale's prediction, the mean of both levels (section 4.4.3)."""
        return over_scales([self.loc, self.obj], self.averaging)

    def accuracies(self) -> dict[str, float]:
        """Return the accuracies of both levels and of their mean, in percent."""
        return {f"acc_{kind}": accuracy(getattr(self, kind), self.label) for kind in ("loc", "obj", "avg")}

    def probabilities(self) -> np.ndarray:
        """Return the probabilities (N, L) of the level ``answer``."""
        return getattr(self, self.answer)

    def is_about_the_images_of(self, other: "Predictions") -> bool:
        """Say whether two networks were asked about the same images, in the same order, and about the same classes."""
        same = np.array_equal(self.id, other.id) and np.array_equal(self.label, other.label)
        return same and self.loc.shape == other.loc.shape

    def of(self, split: str) -> "Predictions":
        """Return the predictions of one split."""
        rows = self.split == split
        return Predictions(
            *(column[rows] for column in (self.id, self.split, self.label, self.loc, self.obj)),
            answer=self.answer,
            averaging=self.averaging,
        )


def over_scales(probabilities: Sequence[np.ndarray], averaging: str = "probabilities") -> np.ndarray:
    """Return the prediction of all scales, the mean of theirs (section 4.4.3); all arrays (..., L) have one shape.

    averaging  ``probabilities``      their mean
               ``log_probabilities``  the mean of their logarithms, made to sum to one: what one scale calls impossible,
                                      all do; a probability of 0 counts as the least that there is

    >>> over_scales([np.array([0.5, 0.5]), np.array([1.0, 0.0])])
    array([0.75, 0.25])
    >>> over_scales([np.array([0.5, 0.5]), np.array([0.8, 0.2])], "log_probabilities").round(3)
    array([0.667, 0.333])
    """
    if averaging == "probabilities":
        return np.mean(probabilities, axis=0)
    logs = np.log(np.maximum(np.asarray(probabilities, np.float64), np.finfo(np.float32).tiny)).mean(axis=0)
    shares = np.exp(logs - logs.max(axis=-1, keepdims=True))
    return (shares / shares.sum(axis=-1, keepdims=True)).astype(np.asarray(probabilities[0]).dtype)


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
    """Read predictions.npz; raise InputError where it is missing, damaged or does not fit together."""
    path = folder / "predictions.npz"
    arrays = _load(path, ("id", "split", "label", "loc", "obj", "answer"), optional=("averaging",))
    words = {name: str(arrays.pop(name)) for name in ("answer", "averaging") if name in arrays}
    read = Predictions(**arrays, **words)
    if wrong := _wrong(read):
        raise InputError(f"{path}: cannot be read ({wrong}); {WAY_OUT}")
    return read


def _wrong(read: Predictions) -> str:
    """Say what is wrong in predictions; nothing if all is well."""
    n, kinds = len(np.atleast_1d(read.id)), [array.dtype.kind for array in (read.id, read.split, read.label)]
    if kinds != ["U", "U", "i"] or {array.dtype.kind for array in (read.loc, read.obj)} != {"f"}:
        return "its arrays have other types"
    if {read.id.shape, read.split.shape, read.label.shape} != {(n,)} or read.loc.ndim != 2:
        return "its arrays have other shapes"
    if read.loc.shape != read.obj.shape or read.loc.shape[0] != n or not n or not read.loc.shape[1]:
        return f"{n} images and probabilities of shapes {read.loc.shape} and {read.obj.shape}"
    if len(set(read.id)) < n:
        return "an image is there twice"
    if read.averaging not in ("probabilities", "log_probabilities"):
        return f"unknown averaging {read.averaging!r:.20}"
    if not set(read.split) <= {"train", "test"} or read.answer not in ("avg", "loc", "obj"):
        return f"unknown split, or unknown answer {read.answer!r:.20}"
    if read.label.min() < 0 or read.label.max() >= read.loc.shape[1]:
        return f"labels beyond its {read.loc.shape[1]} classes"
    if not all((array >= 0).all() and (array <= 1 + 1e-3).all() for array in (read.loc, read.obj)):
        return "probabilities beyond 0 to 1"
    return ""


def write_boxes(folder: Path, boxes: pd.DataFrame) -> None:
    """Write boxes.csv: id, the columns of ATTENDED, attended (share of the cells), constant."""
    with files.atomic_write(folder / "boxes.csv") as temporary:
        boxes.to_csv(temporary, index=False)


def read_boxes(folder: Path, images: Collection[str] = ()) -> pd.DataFrame:
    """Read boxes.csv, indexed by the images' ids.

    images  the rows that are wanted, in their order; without it all that there are
    """
    path = folder / "boxes.csv"
    shares = [*ATTENDED, "attended"]
    table = text.read_table(path, dict.fromkeys(shares, float), ["id", *shares, "constant"], WAY_OUT)
    inside = table[shares].ge(-EPS).all(axis=1) & table[shares].le(1 + EPS).all(axis=1)  # NaN is neither
    inside &= (table.x0 <= table.x1) & (table.y0 <= table.y1)
    if not inside.all():
        raise InputError(f"{path}: row {inside.argmin() + 1}: a box does not lie inside its picture; {WAY_OUT}")
    if table.id.duplicated().any() or not table.constant.isin(["True", "False"]).all():
        raise InputError(f"{path}: an image is there twice, or 'constant' is not True or False; {WAY_OUT}")
    boxes = table.assign(constant=table.constant == "True").set_index("id")[[*shares, "constant"]]
    if missing := [name for name in images if name not in boxes.index]:
        raise InputError(f"{path}: {len(missing)} images have no box there, such as {missing[0]!r:.80}; {WAY_OUT}")
    return boxes.loc[list(images)] if len(images) else boxes


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


def read_maps(folder: Path, images: Collection[str] = ()) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Read maps.npz: M (H, W) float16 and M_b (H, W) bool by image.

    images  those that are wanted, in their order; without it all that there are
    """
    path = folder / "maps.npz"
    stored = _load(path, ("id", "shape", "M", "M_b"))
    identities, shapes, M, M_b = (stored[name] for name in ("id", "shape", "M", "M_b"))
    kinds = [array.dtype.kind for array in (identities, shapes, M, M_b)]
    if kinds != ["U", "i", "f", "b"] or shapes.shape != (identities.size, 2) or (shapes < 1).any():
        raise InputError(f"{path}: cannot be read (its arrays have other types or shapes); {WAY_OUT}")
    cells = shapes.prod(axis=1)
    if not M.shape == M_b.shape == (cells.sum(),) or not np.isfinite(M).all():
        raise InputError(f"{path}: cannot be read (its maps have other shapes than it says, or no numbers); {WAY_OUT}")
    ends = cells.cumsum()[:-1]
    rows = zip(identities.ravel(), shapes, np.split(M, ends), np.split(M_b, ends), strict=True)
    maps = {str(i): (m.reshape(shape), b.reshape(shape)) for i, shape, m, b in rows}
    if missing := [name for name in images if name not in maps]:
        raise InputError(f"{path}: {len(missing)} images have no map there, such as {missing[0]!r:.80}; {WAY_OUT}")
    return {name: maps[name] for name in images} if len(images) else maps


def _load(path: Path, names: tuple[str, ...], optional: tuple[str, ...] = ()) -> dict[str, np.ndarray]:
    """Load arrays without trusting their content: pickles are refused, and what is damaged becomes an InputError."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            return {name: stored[name] for name in (*names, *(name for name in optional if name in stored))}
    except DAMAGE as error:
        raise InputError(f"{path}: cannot be read ({one_line(error)}); {WAY_OUT}") from error
