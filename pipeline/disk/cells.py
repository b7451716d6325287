"""A training's name, and where its results lie below the folder of a stage."""

from dataclasses import dataclass
from pathlib import Path

FOLDS = "folds"  # folder beside those of datasets, for what is trained on folds of their training splits


@dataclass(frozen=True, order=True)
class Cell:
    """One training: of a variant, with a seed, at a scale; on the official split, or a fold of its training images."""

    dataset: str
    variant: str
    seed: int
    scale: int
    fold: int = 0  # from 1 on; 0: the official split

    @property
    def run(self) -> str:
        """Name of the folder for all scales of a variant and a seed."""
        return f"{self.variant}-{self.seed}"

    @property
    def home(self) -> str:
        """Name of the folder, below runs/ and data/, of its split: a fold's results are in no table of the dataset's.

        >>> Cell("cub", "ours", 0, 1).home, Cell("cub", "ours", 0, 1, fold=2).home
        ('cub', 'folds/cub-2')
        """
        return f"{FOLDS}/{self.dataset}-{self.fold}" if self.fold else self.dataset

    def below(self, folder: Path) -> Path:
        """Return where a stage writes what belongs to this training.

        folder  of the stage, for the training's split

        >>> Cell("cub", "n-4", 0, 2).below(Path("runs/cub/train")).as_posix()
        'runs/cub/train/n-4-0/scale-2'
        """
        return folder / self.run / f"scale-{self.scale}"

    def images(self, folder: Path) -> Path:
        """Return the image set that belongs to this training: whole images at scale 1, shared by all, then its crops.

        >>> Cell("cub", "n-4", 0, 1).images(Path("data/cub")).as_posix()
        'data/cub/scale-1'
        """
        return folder / "scale-1" if self.scale == 1 else self.below(folder)

    def __str__(self) -> str:
        """Return the training's name within its dataset."""
        name = f"{self.run}-{self.scale}"
        return f"fold-{self.fold}-{name}" if self.fold else name


def main_line(dataset: str, scale: int) -> Cell:
    """Return the training of ours with the recipe's own seed, which all others are compared with."""
    return Cell(dataset, "ours", 0, scale)
