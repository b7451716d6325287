"""How pictures are divided into training and test: by folders, by a table, or drawn."""

import random
from collections import Counter
from pathlib import Path

import pandas as pd

from pipeline.datasets import table
from pipeline.datasets.account import Account
from pipeline.disk.text import natural_key
from pipeline.errors import InputError

NAMES = {  # what people call the parts, in lower case
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
}


def settle(parts: pd.Series, account: Account) -> pd.Series:
    """Make training and test of train, val and test: val is the test split where there is no other, else training."""
    if not (parts == "val").any():
        return parts
    role = "train" if (parts == "test").any() else "test"
    said = "are training pictures too" if role == "train" else "are the test split, as there is no other"
    account.notes.append(f"the {int((parts == 'val').sum()):,} pictures of 'val' {said}")
    return parts.replace("val", role)


def by_table(images: pd.DataFrame, path: Path, account: Account) -> pd.DataFrame:
    """Add what a table of file,split or file,group says: columns 'split' and 'group'.

    Where the table has splits, pictures that it does not list are left out.
    """
    found = table.Files(images.file)
    elsewhere = {file for left_out in account.left_out.values() for file in left_out}
    said: dict[str, dict[str, str]] = {}
    columns: set[str] = set()
    for number, row in table.rows(path, ["file"], ["split", "group"]):
        columns = set(row)
        file = found.find(path, number, row["file"], elsewhere)
        values = _values(path, number, row)
        if file and said.setdefault(file, values) != values:
            raise InputError(f"{path}: line {number}: {file!r} is listed twice, as {said[file]} and as {values}")
    if not said or columns == {"file"}:
        raise InputError(f"{path}: lists no picture with its split or its group")
    listed = pd.DataFrame.from_dict(said, orient="index", columns=sorted(columns - {"file"}), dtype=str)
    if "group" in columns:
        images = images.assign(group=images.file.map(listed.group[listed.group != ""]))
    if "split" in columns:
        images = images.assign(split=images.file.map(listed.split))
        for file in images.file[images.split.isna()]:
            account.leave_out("not in the table of splits", file)
        images = images[images.split.notna()].reset_index(drop=True)
        account.notes.clear()  # what was said of the folders' own split
        images["split"] = settle(images.split, account)
    return images


def draw(images: pd.DataFrame, seed: int, share: float) -> pd.Series:
    """Draw a split: of every class the share as test pictures, at least one; a group is never divided.

    Classes are drawn independently, but for groups that they have in common: another class changes none of the others.
    """
    group = images.group if "group" in images else pd.Series(index=images.index, dtype=object)
    group = _keys(images, group)
    side: dict[tuple[str, str], str] = {}
    members = images.groupby("class_name").groups
    for name in sorted(members, key=natural_key):
        rows = list(members[name])
        shuffled = random.Random(f"{seed} {name}").sample(rows, len(rows))
        _draw_class(Counter(group[row] for row in shuffled), side, share)
    return group.map(side)


def check_groups(images: pd.DataFrame, path: Path) -> None:
    """Raise InputError for a group on both sides, and for a class that its groups keep on one side."""
    sides = images.groupby("group").split.nunique()
    if (sides > 1).any():
        raise InputError(f"{path}: group {sides.idxmax()!r} has training and test pictures; keep it on one side")
    for name, splits in images.groupby("class_name").split:
        if splits.nunique() < 2:
            raise InputError(
                f"{path}: with its groups kept together class {name!r} has only {splits.iloc[0]} pictures; it needs "
                "groups of its own on both sides"
            )


def _values(path: Path, number: int, row: table.Row) -> dict[str, str]:
    values = {name: row[name].strip() for name in ("split", "group") if name in row}
    if "split" in values:
        known = NAMES.get(values["split"].lower())
        if known is None:
            raise InputError(f"{path}: line {number}: split {values['split'][:60]!r}; expected train, val or test")
        values["split"] = known
    return values


def _keys(images: pd.DataFrame, group: pd.Series) -> pd.Series:
    """Name what must stay together: a group, or else a picture by itself."""
    alone = group.isna()
    kinds = alone.map({True: "file", False: "group"})
    keys = zip(kinds, group.where(~alone, images.file), strict=True)
    return pd.Series(list(keys), index=images.index)


def _draw_class(groups: Counter, side: dict[tuple[str, str], str], share: float) -> None:
    """Put the groups of a class (name -> pictures) that are on no side yet on one."""
    n = groups.total()
    target = max(1, min(n - 1, round(share * n)))
    taken = sum(count for name, count in groups.items() if side.get(name) == "test")
    free = [name for name in groups if name not in side]
    for name in free:
        if taken + groups[name] <= target:
            side[name], taken = "test", taken + groups[name]
    if not taken and free:  # all are too large: the smallest
        side[min(free, key=groups.__getitem__)] = "test"
    for name in free:
        side.setdefault(name, "train")
