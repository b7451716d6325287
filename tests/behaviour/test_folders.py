"""Folders of pictures as people have them: the index has what an independent walk finds, and the counts add up."""

import hashlib
import json
import os
import shutil
import tempfile
from pathlib import Path, PurePosixPath

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from ruamel.yaml import YAML
from typer.testing import CliRunner

from conftest import TINY, VARIANTS
from pipeline.cli import app
from pipeline.disk import imageset

PICTURES = [".jpg", ".JPEG", ".png", ".bmp", ".gif", ".webp", ".ppm", ".tif", ".jfif", ".tga"]
OTHERS = [".txt", ".mp4", ".csv", ""]
JUNK = [".DS_Store", "._1.jpg", "Thumbs.db", ".ipynb_checkpoints/1.jpg", "__MACOSX/gull/1.png", "@eaDir/1.jpg"]
CLASSES = [
    "1",
    "2",
    "10",
    "NA",
    "True",
    "big gull",
    "m\u00f6we",
    "mo\u0308we",
    "a,b",
    'the "x"',
    "train",
    "v2.0",
    "\U0001f426",
]
NAMES = [*"0123456789", "a b", "caf\u00e9", "x.y", "007", "-1"]
PARTS = {"train": ["train", "Train", "training"], "val": ["val", "valid", "VALIDATION"], "test": ["test", "Testing"]}
UNTAKEN = {"split.csv", "boxes.csv"}


@st.composite
def trees(draw):
    """Files to make (path -> kind), links, and tables: classes of two to four pictures, and what lies about."""
    parts = draw(st.sampled_from([(), ("train", "test"), ("train", "val"), ("train", "val", "test")]))
    tops = [draw(st.sampled_from(PARTS[part])) + "/" for part in parts] or [""]
    classes = draw(st.lists(st.sampled_from(CLASSES), min_size=2, max_size=4, unique=True))
    files = {}
    for name in classes:
        for top in tops:
            stems = draw(st.lists(st.sampled_from(NAMES), min_size=2, max_size=4, unique=True))
            for stem in stems:
                nested = draw(st.sampled_from(["", "", "2019/", "x/y/"]))
                files[f"{top}{name}/{nested}{stem}{draw(st.sampled_from(PICTURES))}"] = "picture"
    folders = sorted({str(PurePosixPath(file).parent) for file in files})
    for _ in range(draw(st.integers(0, 4))):
        folder = draw(st.sampled_from([".", *folders]))
        name = draw(st.sampled_from(JUNK)) if draw(st.booleans()) else f"z{draw(st.sampled_from(OTHERS))}"
        files[(PurePosixPath(folder) / name).as_posix()] = "other"
    for _ in range(draw(st.integers(0, 2))):
        files[f"{draw(st.sampled_from(['', *tops]))}top{draw(st.integers(0, 3))}.png"] = "picture"
    links = draw(st.lists(st.sampled_from(folders), max_size=2, unique=True))
    broken = draw(st.sampled_from([None, None, sorted(files)[0]]))
    return files, links, broken, draw(st.booleans()), draw(st.booleans())


def make(root, tree):
    files, links, broken, *_ = tree
    for number, (path, kind) in enumerate(files.items()):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        if kind == "picture":
            colour = (number * 37 % 256, number * 91 % 256, number % 256)
            kinds = {".tif": "TIFF", ".jfif": "JPEG", ".tga": "TGA"}
            Image.new("RGB", (8, 6), colour).save(root / path, format=kinds.get(PurePosixPath(path).suffix))
        else:
            (root / path).write_text("other")
    for folder in links:
        (root / folder / "loop").symlink_to(root)
        (root / folder / "nothing.jpg").symlink_to("nowhere")
    if broken:
        (root / broken).write_bytes(b"oops")


def walk(root):
    """Count all that a person would see, by the rules of docs/extending.md; written without the project's code."""
    taken, left_out = [], 0
    for folder, folders, names in os.walk(root, followlinks=False):
        junk = [name for name in folders if name.startswith(".") or name in ("__MACOSX", "@eaDir")]
        left_out += len(junk)
        for name in junk:
            folders.remove(name)
        for name in list(folders):
            if (Path(folder) / name).is_symlink():  # all links of these trees lead back
                folders.remove(name)
                left_out += 1
        for name in names:
            path = Path(folder) / name
            is_picture = path.is_file() and not name.startswith(".") and path.suffix in PICTURES
            if is_picture:
                taken.append(path.relative_to(root).as_posix())
            else:
                left_out += 1
    return taken, left_out


def role(top):
    return next((part for part, names in PARTS.items() if top in names), None)


def expected(root):
    """Return file -> (class, split or None), and how many things are left out, broken pictures aside."""
    import unicodedata

    taken, left_out = walk(root)
    tops = {file.split("/")[0] for file in taken if "/" in file}
    divided = {role(top) for top in tops if any(file.count("/") > 1 and file.startswith(f"{top}/") for file in taken)}
    depth = 1 if "train" in divided and divided & {"val", "test"} else 0
    val = "train" if "test" in divided else "test"
    found = {}
    for file in taken:
        folders = file.split("/")[:-1]
        if len(folders) <= depth or (depth and role(folders[0]) is None):
            left_out += 1
            continue
        side = {"val": val}.get(role(folders[0]), role(folders[0])) if depth else None
        found[file] = unicodedata.normalize("NFC", folders[depth]), side
    return found, left_out


def state(root):
    """Return everything about a folder that a program could change."""
    found = {}
    for path in sorted(root.rglob("*")):
        status = path.lstat()
        content = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        found[path.relative_to(root).as_posix()] = (status.st_mode, status.st_mtime_ns, status.st_ino, content)
    return found


def tables(folder, found, with_boxes, with_groups):
    files = sorted(found)
    values = {"boxes": None, "split": None}
    if with_boxes:
        values["boxes"] = "boxes.csv"
        rows = [(file, 1, 1, 4, 3) for file in files[::2]] + [(file, 2, 2, 8, 6) for file in files[::4]]
        pd.DataFrame(rows, columns=["file", "x0", "y0", "x1", "y1"]).to_csv(folder / "boxes.csv", index=False)
    if with_groups and all(side is None for _, side in found.values()):
        values["split"] = "split.csv"
        pairs = [(file, f"{found[file][0]} {n // 2}") for n, file in enumerate(files)]
        pd.DataFrame(pairs, columns=["file", "group"]).to_csv(folder / "split.csv", index=False)
    return values


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(tree=trees())
def test_the_index_has_what_is_there_and_the_counts_add_up(tree):
    home, before = Path.cwd(), Path(tempfile.mkdtemp())
    try:
        os.chdir(before)
        check(before, tree)
    finally:
        os.chdir(home)
        shutil.rmtree(before)


def check(folder, tree):
    root = folder / "mine"
    root.mkdir()
    make(root, tree)
    found, _ = expected(root)
    seen_before = state(root)
    source = {"reader": "folder", "root": "mine", "test_share": 0.5, "seed": 0, "broken": "leave-out"}
    recipe = TINY | {"download": source | tables(folder, found, *tree[3:])}
    with (folder / "params.yaml").open("w") as file:
        YAML().dump({"recipes": {"tiny": recipe}, "variants": VARIANTS}, file)
    result = CliRunner().invoke(app, ["download", "tiny", "--out", "raw"], catch_exceptions=False)
    assert state(root) == seen_before
    if result.exit_code:
        explain(result.output, tree, found)
        return
    compare(folder, tree, recipe["download"], result.output)


def compare(folder, tree, recipe, said):
    """Compare what was written with what an independent walk finds."""
    root = folder / "mine"
    found, left_out = expected(root)
    files = sorted(found)
    index = pd.read_csv(folder / "raw" / "index.csv", dtype=str, keep_default_na=False)
    _, pictures = imageset.read_originals(folder / "raw")
    if tree[2] in found:
        found.pop(tree[2])
        left_out += 1
    assert dict(zip(index.file, index.class_name, strict=True)) == {file: name for file, (name, _) in found.items()}
    drawn = dict(zip(index.file, index.split, strict=True))
    assert all(side in (None, drawn[file]) for file, (_, side) in found.items())
    assert all(pictures.read(file) == (root / file).read_bytes() for file in index.file)
    counts = json.loads((folder / "raw" / "taken.json").read_text())
    assert sum(map(len, counts["left_out"].values())) == left_out, counts["left_out"]
    assert sum(sum(row.values()) for row in counts["classes"].values()) == len(index) == len(found)
    assert all(line in said for line in counts["said"])
    if recipe["split"]:
        group = pd.read_csv("split.csv", dtype=str, keep_default_na=False).set_index("file").group
        assert (index.split.groupby(index.file.map(group)).nunique() == 1).all()
    if recipe["boxes"]:
        assert set(index.file[index.x0 != ""]) == set(files[::2]) & set(found)
        assert set(index.x1[index.file.isin(files[::4])]) <= {"1.0"} and set(index.x1) <= {"", "0.5", "1.0"}


def explain(said, tree, found):
    """A tree may be refused, in one line, for what a person would call a reason as well."""
    stems = [PurePosixPath(file).with_suffix("") for file in found]
    sides = {}
    for file, (name, side) in found.items():
        if file != tree[2]:
            sides.setdefault(name, []).append(side)
    lines = [line for line in said.splitlines() if line.startswith("error: ")]
    assert (len(lines) == 1 and "mine" in lines[0]) or "split.csv" in lines[0], said
    few = any(len(rows) < 2 or (rows[0] and len(set(rows)) < 2) for rows in sides.values()) or len(sides) < 2
    assert few or len(set(stems)) < len(stems) or "split.csv" in lines[0], said


@pytest.mark.parametrize("tree", [({"a/1.jpg": "picture", "b/1.jpg": "picture"}, [], None, False, False)])
def test_a_refusal_names_the_folder(tree, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    check(tmp_path, tree)
