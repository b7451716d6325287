"""A training's name, and where its results lie below the folder of a stage."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, order=True)
class Cell:
    """One training: of a variant, with a seed, at a scale."""

    dataset: str
    variant: str
    seed: int
    scale: int

    @property
    def run(self) -> str:
        """Name of the folder for all scales of a variant and a seed."""
        return f"{self.variant}-{self.seed}"

    def below(self, folder: Path) -> Path:
        """Return where a stage writes what belongs to this training.

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
        return f"{self.run}-{self.scale}"


def main_line(dataset: str, scale: int) -> Cell:
    """Return the training of ours with the recipe's own seed, which all others are compared with."""
    return Cell(dataset, "ours", 0, scale)
