"""What was taken from a source of pictures and what was left out: printed, and kept for the report."""

from dataclasses import dataclass, field

import pandas as pd

SHOWN = 3  # files that are named of those left out for one reason; the file names all


@dataclass
class Account:
    """What a reader took and left out; it fills the account while it reads."""

    classes: dict[str, dict[str, int]] = field(default_factory=dict)  # name -> pictures in 'train' and 'test'
    with_box: dict[str, int] = field(default_factory=dict)  # pictures in 'train' and 'test' that have a true box
    left_out: dict[str, list[str]] = field(default_factory=dict)  # reason -> what, below the source
    equal: list[list[str]] = field(
        default_factory=list
    )  # a training picture, an equal test picture, how they are equal
    notes: list[str] = field(default_factory=list)  # how the source was read, where that is not plain

    def leave_out(self, reason: str, what: str) -> None:
        """Note something that is left out, and why."""
        self.left_out.setdefault(reason, []).append(what)

    def take(self, index: pd.DataFrame) -> None:
        """Count what an index lists."""
        ordered = index.sort_values("label", kind="stable")
        counts = ordered.groupby(["class_name", "split"], sort=False).size()
        for name in ordered.class_name.unique():
            self.classes[name] = {split: int(counts.get((name, split), 0)) for split in ("train", "test")}
        boxed = index.split[index.x0.notna()].value_counts()
        self.with_box = {split: int(boxed.get(split, 0)) for split in ("train", "test")}

    def lines(self) -> list[str]:
        """Say it in lines, the pictures of each class apart: see ``class_lines``."""
        train, test = (sum(row[split] for row in self.classes.values()) for split in ("train", "test"))
        said = [f"{len(self.classes):,} classes, {train:,} training and {test:,} test pictures", *self.notes]
        if any(self.with_box.values()):
            said.append(f"true boxes: {self.with_box['train']:,} training and {self.with_box['test']:,} test pictures")
        if self.equal:
            pairs = ", ".join(f"{one} = {other} ({how})" for one, other, how in self.equal[:SHOWN])
            said.append(f"{len(self.equal):,} equal pictures in both splits: {pairs}{_more(self.equal)}")
        for reason, found in self.left_out.items():
            said.append(f"left out, {reason}: {len(found):,}: {', '.join(found[:SHOWN])}{_more(found)}")
        return said

    def class_lines(self) -> list[str]:
        """Say how many pictures each class has, a line each."""
        return [f"{name}: {row['train']:,} training, {row['test']:,} test" for name, row in self.classes.items()]


def _more(found: list) -> str:
    return f" and {len(found) - SHOWN:,} more" if len(found) > SHOWN else ""
