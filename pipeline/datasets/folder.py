"""Your own pictures: a folder per class, already split or split here, with boxes if you have any."""

import math
import os
import unicodedata
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal

import pandas as pd
from pydantic import Field
from tqdm import tqdm

from pipeline import images
from pipeline.datasets import division, index, table, walk
from pipeline.datasets.account import Account
from pipeline.disk import files
from pipeline.disk.imageset import BOX
from pipeline.disk.sections import NaturalInt, Section
from pipeline.errors import InputError

UNCLASSED = "in no class folder"
NO_BOX = ("", "na", "nan", "null")  # what tables write where there is no box, in lower case


@dataclass(frozen=True)
class Seen:
    """What a picture shows, whatever its format."""

    size: tuple[int, int]  # width and height in pixels, upright
    content: str  # digest of its file
    pixels: str  # digest of its pixels


class Source(Section):
    """Your own pictures, a folder per class."""

    reader: Literal["folder"]
    root: str  # holds train/CLASS/* and test/CLASS/*, or CLASS/*
    test_share: Annotated[float, Field(gt=0, lt=1)]  # of each class, where there is no split
    seed: NaturalInt  # of the random split, where there is no other
    boxes: str | None  # a CSV of file, x0, y0, x1, y1 in pixels
    split: str | None = None  # a CSV of file, split or of file, group: pictures of a group stay on one side
    broken: Literal["stop", "leave-out"] = "stop"  # what pictures that cannot be decoded do


def fetch(source: Source, unpacked: Path) -> Path:
    """Return the user's folder: its pictures are read where they are."""
    for name in ("root", "boxes", "split"):
        path = getattr(source, name)
        kind, is_there = ("folder", Path.is_dir) if name == "root" else ("table", Path.is_file)
        if path and not is_there(Path(path)):
            what = "is something else" if os.path.lexists(path) else "is missing"
            raise InputError(f"{path}: the {kind} that the recipe names as {name!r} {what}")
    return Path(source.root)


def read(source: Source, raw: Path, account: Account) -> pd.DataFrame:
    """Make the index: by the folders' or the table's split, or one drawn by the recipe's seed and share."""
    found = listed(raw, account)
    if source.split:
        found = division.by_table(found, Path(source.split), account)
    boxes = _boxes(Path(source.boxes), found, account) if source.boxes else {}
    _note_alike(found.class_name, account)
    index.check_classes(_finish(found, source), raw)  # before all pictures are decoded
    seen = _look(found.file, raw, source.broken, account)
    taken = _finish(found[found.file.isin(seen)].reset_index(drop=True), source)
    account.equal = _equal(taken, seen)
    shares = [_share(boxes.get(file), seen[file].size, file, source.boxes) for file in taken.file]
    return taken.assign(**pd.DataFrame(shares, columns=BOX, index=taken.index, dtype=float))


def look(content: bytes, name: str) -> Seen:
    """Decode a picture and return what it shows; raise InputError, which gives ``name``, if that is impossible."""
    image = images.open_rgb(content, name)
    return Seen(image.size, files.digest(content), files.digest(image.tobytes()))


def listed(raw: Path, account: Account) -> pd.DataFrame:
    """List the pictures of root/SPLIT/CLASS/* or root/CLASS/*, as a person would understand the folders.

    Columns 'file', 'class_name' and, where the folders tell, 'split'. Folders inside a class belong to it.
    """
    paths = [PurePosixPath(path) for path in walk.pictures(raw, account)]
    parts = _parts(paths)
    depth = 1 if parts else 0  # of the folder that names the class
    rows = []
    for path in paths:
        if len(path.parts) <= depth + 1:
            account.leave_out(UNCLASSED, str(path))
        elif parts and path.parts[0] not in parts:
            account.leave_out("in a folder beside those of the split", str(path))
        else:
            rows.append((str(path), unicodedata.normalize("NFC", path.parts[depth]), parts.get(path.parts[0])))
    if not rows:
        left_out = "; ".join(account.lines()[1:])
        raise InputError(f"{raw}: no pictures in CLASS/*; one folder per class is expected. {left_out}".rstrip(". "))
    found = pd.DataFrame(rows, columns=["file", "class_name", "split"])
    if not parts:
        _check_depth(raw, paths)
        return found.drop(columns="split")
    _check_parts(raw, found, account)
    found["split"] = division.settle(found.split, account)
    return found.sort_values("split", ascending=False, kind="stable", ignore_index=True)  # training pictures first


def numbered(found: pd.DataFrame) -> pd.DataFrame:
    """Add ids, made of the paths without their suffix, labels in the order of the class names, and empty boxes."""
    stems = found.file.map(lambda file: str(PurePosixPath(file).with_suffix("")))
    ids = stems.str.replace(r"[^\w.-]+", "-", regex=True)
    alike = ids.duplicated(keep=False) & ~stems.duplicated(keep=False)  # 'a b/1' and 'a-b/1'
    ids[alike] += stems[alike].map(lambda stem: f"-{files.digest(stem.encode())[:8]}")
    boxes = dict.fromkeys(BOX, math.nan)
    return found.assign(id=ids, label=index.labels(found.class_name), **boxes)


def _note_alike(names: pd.Series, account: Account) -> None:
    """Note classes whose names differ by case, spaces or width alone: a person may have meant one class."""
    alike: dict[str, list[str]] = {}
    for name in sorted(set(names)):
        alike.setdefault("".join(unicodedata.normalize("NFKC", name).casefold().split()), []).append(name)
    for several in alike.values():
        if len(several) > 1:
            account.notes.append(f"{' and '.join(map(repr, several))} are read as {len(several)} classes")


def _parts(paths: list[PurePosixPath]) -> dict[str, str]:
    """Return which folders of the root are the parts of a split; none where the root's folders are classes.

    They are where one is for training and another for the rest, and where they hold class folders.
    """
    tops = {path.parts[0] for path in paths if len(path.parts) > 1}
    parts = {top: division.NAMES[top.lower()] for top in tops if top.lower() in division.NAMES}
    nested = {parts[path.parts[0]] for path in paths if path.parts[0] in parts and len(path.parts) > 2}
    divided = "train" in nested and len(nested) > 1
    flat = "train" in parts.values() and len(set(parts.values())) > 1 and len(parts) == len(tops)
    return parts if divided or flat else {}


def _check_depth(raw: Path, paths: list[PurePosixPath]) -> None:
    """Refuse a root that is one folder too high."""
    tops = {path.parts[0] for path in paths if len(path.parts) > 1}
    inner = sorted({path.parts[1] for path in paths if len(path.parts) > 2})
    if len(tops) == 1 and len(inner) > 1:
        top = tops.pop()
        raise InputError(
            f"{raw}: 1 class found, {top!r}, which holds folders itself ({', '.join(inner[:3])}); if these are the "
            f"classes, name {raw / top} as 'root'"
        )


def _check_parts(raw: Path, found: pd.DataFrame, account: Account) -> None:
    """Refuse a split of which one side has no pictures in class folders, as where test pictures have no labels."""
    unclassed = account.left_out.get(UNCLASSED, [])
    if found.split.nunique() < 2 and unclassed:
        raise InputError(
            f"{raw}: only 'train' or only 'test' has class folders; {len(unclassed):,} pictures are in none, such as "
            f"{unclassed[0]}; to draw the test pictures, name the folder that holds the classes as 'root'"
        )


def _finish(found: pd.DataFrame, source: Source) -> pd.DataFrame:
    """Draw the split where there is none, and add ids, labels and empty boxes."""
    if "split" not in found:
        found = found.assign(split=division.draw(found, source.seed, source.test_share))
    if "group" in found:
        division.check_groups(found, Path(source.split))
    return numbered(found)


def _look(names: pd.Series, raw: Path, broken: str, account: Account) -> dict[str, Seen]:
    """Decode all pictures and return what they show, by file; those that cannot be decoded stop it or are left out."""

    def one(name: str) -> Seen | InputError:
        try:
            content = (raw / name).read_bytes()
            return look(content, str(raw / name))
        except OSError as error:
            return InputError(f"{raw / name}: cannot be decoded ({error.strerror}); make it readable or take it out")
        except InputError as error:
            return error

    results = images.in_threads(one, [(name,) for name in names])
    bar = tqdm(zip(names, results, strict=True), f"look at {raw}", len(names), unit=" pictures", disable=None)
    seen = dict(bar)
    bad = {name: result for name, result in seen.items() if isinstance(result, InputError)}
    if bad and broken == "stop":
        error = images.all_of(list(bad.values()))
        raise InputError(f"{error}; or say 'broken: leave-out' in the recipe")
    for name, error in bad.items():
        print(f"left out: {error}")
        account.leave_out("cannot be decoded", name)
    return {name: result for name, result in seen.items() if name not in bad}


def _equal(taken: pd.DataFrame, seen: dict[str, Seen]) -> list[list[str]]:
    """List the test pictures that are equal to a training picture, with that picture and with how they are equal."""
    training = taken.file[taken.split == "train"].iloc[::-1]  # so that the first of several equal ones is named
    by_bytes = {seen[file].content: file for file in training}
    by_pixels = {(seen[file].size, seen[file].pixels): file for file in training}
    pairs = []
    for file in taken.file[taken.split == "test"]:
        one = seen[file]
        if one.content in by_bytes:
            pairs.append([by_bytes[one.content], file, "every byte"])
        elif (one.size, one.pixels) in by_pixels:
            pairs.append([by_pixels[one.size, one.pixels], file, "every pixel"])
    return pairs


def _boxes(path: Path, found: pd.DataFrame, account: Account) -> dict[str, list[float]]:
    """Read the boxes of a table, in pixels of the upright picture; several of a picture become the box around them."""
    pictures = table.Files(found.file)
    elsewhere = {file for left_out in account.left_out.values() for file in left_out}
    boxes: dict[str, list[float]] = {}
    for number, row in table.rows(path, ["file", *BOX]):
        file = pictures.find(path, number, row["file"], elsewhere)
        sides = [row[name].strip() for name in BOX]
        if file is None or all(side.lower() in NO_BOX for side in sides):
            continue
        x0, y0, x1, y1 = (_pixels(side, path, number) for side in sides)
        if not (0 <= x0 < x1 and 0 <= y0 < y1):
            raise InputError(f"{path}: line {number}: the box of {file!r} is empty or outside its picture")
        before = boxes.get(file, [x0, y0, x1, y1])
        boxes[file] = [min(x0, before[0]), min(y0, before[1]), max(x1, before[2]), max(y1, before[3])]
    if not boxes:
        raise InputError(f"{path}: lists no box; name null in the recipe if there are none")
    if all(max(box) <= 1 for box in boxes.values()):
        raise InputError(f"{path}: all its numbers are 1 or less, as shares of the sides are; boxes are in pixels")
    return boxes


def _pixels(text: str, path: Path, number: int) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InputError(f"{path}: line {number}: {text[:60]!r} is no number of pixels")
    return value


def _share(box: list[float] | None, shape: tuple[int, int], file: str, path: str | None) -> list[float]:
    """Return a box as shares of the picture's sides."""
    if box is None:
        return [math.nan] * len(BOX)
    width, height = shape
    if box[2] > width or box[3] > height:
        raise InputError(f"{path}: the box of {file!r} is empty or outside its {width} x {height} picture")
    return [box[0] / width, box[1] / height, box[2] / width, box[3] / height]
