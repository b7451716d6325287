"""What the attend stage keeps, beside predictions and maps, of a network with local classifiers.

``wins.csv`` says how often each local classifier won an attended cell (``winners``), where there are several;
``anatomy.npz`` is one picture's way through the network (``anatomy``). Read without torch.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.disk import files, text
from pipeline.disk.pack import DAMAGE
from pipeline.errors import InputError, one_line

FILES = ("wins.csv", "anatomy.npz")
WINS = ("classifier", "wins", "categories", "led")
WAY_OUT = "run its attend stage"


@dataclass(frozen=True)
class Anatomy:
    """One picture's tensors of Figures 1 to 3; n classifiers, L categories, H x W cells."""

    id: str
    categories: np.ndarray  # (2,) int64: the true one; the most likely of the others, the runner-up
    f: np.ndarray  # (H, W) float32, the length of the feature vector f(X) at each cell
    A: np.ndarray  # (3, H, W) float32, logits of the true category, of the runner-up, of the background
    M: np.ndarray  # (H, W) float32
    M_b: np.ndarray  # (H, W) bool
    box: np.ndarray  # (4,) float64, around all attended cells: x0, y0, x1, y1 as shares of the picture's sides
    cell: np.ndarray  # (2,) int64: row and column of the attended cell where M is highest
    A_i: np.ndarray  # (n, L+1) float32, logits of each local classifier at that cell, the background last

    @property
    def winners(self) -> np.ndarray:
        """Which classifier attains the maximum of Eq. 1 at the cell, for every category and the background: (L+1,)."""
        return self.A_i.argmax(axis=0)

    @property
    def foremost(self) -> int:
        """The foreground category that gives M at the cell."""
        return int(self.A_i.max(axis=0)[:-1].argmax())


def wins(counts: np.ndarray) -> pd.DataFrame:
    """Return one row a local classifier.

    counts  (n, L), of ``winners.count``
    ->      classifier  from 0
            wins        attended cells that it won, for whatever category
            share       of all such cells
            categories  those that it leads: of whose cells it won the most; a tie goes to the first classifier
            led         its wins at the cells of these

    >>> wins(np.array([[9, 0], [1, 10]])).to_dict("list")
    {'classifier': [0, 1], 'wins': [9, 11], 'share': [0.45, 0.55], 'categories': [1, 1], 'led': [9, 10]}
    """
    leads = (np.arange(len(counts))[:, None] == counts.argmax(axis=0)) & counts.any(axis=0)  # n L
    won = counts.sum(axis=1)
    table = {"classifier": range(len(counts)), "wins": won, "share": won / max(won.sum(), 1)}
    return pd.DataFrame(table | {"categories": leads.sum(axis=1), "led": (counts * leads).sum(axis=1)})


def write_wins(folder: Path, table: pd.DataFrame) -> None:
    """Write wins.csv: the columns of ``wins``."""
    with files.atomic_write(folder / "wins.csv") as temporary:
        table.to_csv(temporary, index=False)


def read_wins(folder: Path) -> pd.DataFrame | None:
    """Read wins.csv; None where there is none, as a network of one classifier has none to compare.

    Raises InputError where it is damaged or contradicts itself.
    """
    path = folder / "wins.csv"
    if not path.is_file():
        return None
    table = text.read_table(path, dict.fromkeys(WINS, int) | {"share": float}, [*WINS, "share"], WAY_OUT)
    counted = (table[list(WINS)] >= 0).all(axis=None) and (table.led <= table.wins).all()
    shared = np.allclose(table.share * table.wins.sum(), table.wins, atol=1e-3)
    if not counted or not shared or table.classifier.tolist() != list(range(max(len(table), 1))):
        raise InputError(f"{path}: its numbers are not those of classifiers 0, 1, ...; {WAY_OUT}")
    return table


def write_anatomy(folder: Path, anatomy: Anatomy) -> None:
    """Write anatomy.npz, a few kB; the same tensors give the same bytes."""
    with files.atomic_write(folder / "anatomy.npz") as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **vars(anatomy))


def read_anatomy(folder: Path) -> Anatomy:
    """Read anatomy.npz; raise InputError where it is missing, damaged or does not fit together."""
    path = folder / "anatomy.npz"
    try:
        with np.load(path, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in Anatomy.__dataclass_fields__}
    except DAMAGE as error:
        raise InputError(f"{path}: cannot be read ({one_line(error)}); {WAY_OUT}") from error
    if wrong := _wrong(arrays):
        raise InputError(f"{path}: cannot be read ({wrong}); {WAY_OUT}")
    return Anatomy(**arrays | {"id": str(arrays["id"])})


def _wrong(arrays: dict[str, np.ndarray]) -> str:
    """Say what is wrong in an anatomy; nothing if all is well."""
    kinds = {name: array.dtype.kind for name, array in arrays.items()}
    if kinds != dict(zip(arrays, "Uifffbfif", strict=True)) or arrays["M"].ndim != 2:
        return "its arrays have other types"
    H, W = arrays["M"].shape
    shapes = {"id": (), "categories": (2,), "f": (H, W), "A": (3, H, W), "M_b": (H, W), "box": (4,), "cell": (2,)}
    if any(arrays[name].shape != shape for name, shape in shapes.items()) or arrays["A_i"].ndim != 2:
        return "its arrays have other shapes"
    if not all(np.isfinite(arrays[name]).all() for name in ("f", "A", "M", "box", "A_i")):
        return "it holds numbers that are none"
    labels, cell = arrays["categories"], arrays["cell"]
    if not H * W or not arrays["A_i"].size or labels.min() < 0 or labels.max() >= arrays["A_i"].shape[1] - 1:
        return "categories beyond its own"
    inside = (cell >= 0).all() and (cell < (H, W)).all()
    return "" if inside and (arrays["box"] >= 0).all() and (arrays["box"] <= 1).all() else "a cell or a box outside"
