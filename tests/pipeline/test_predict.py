"""Asking about pictures by the command line: every kind of source, every kind of bad input, nothing overwritten."""

import csv
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from hostile import png
from pipeline import images
from pipeline.cli import app
from pipeline.disk import files, imageset, predictions, text
from pipeline.disk.predictions import ATTENDED


@pytest.fixture
def here(finished, tmp_path, monkeypatch):
    """A folder to stand in, with the model as its only one, and a picture 'a.bmp'."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(finished / "runs/tiny/model", tmp_path / "runs/birds/model")
    unpack(finished, tmp_path, 1)
    return tmp_path


def unpack(project, folder, n=None):
    """Write test originals to a folder; as 'a.bmp', or all below the folders of their classes; return them by id."""
    index, pack = imageset.read_originals(project / "data/raw/tiny")
    rows = list(index[index.split == "test"].itertuples())[:n]
    places = {row.id: folder / ("a.bmp" if n else f"{row.class_name}/{Path(row.file).name}") for row in rows}
    for row in rows:
        places[row.id].parent.mkdir(parents=True, exist_ok=True)
        places[row.id].write_bytes(pack.read(row.file))
    return places


def ask(*words, status=0, given=b""):
    """Run 'pipeline predict'; return standard output and standard error."""
    result = CliRunner().invoke(app, ["predict", "--device", "cpu", *map(str, words)], input=given)
    assert result.exit_code == status, result.output
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.stdout, result.stderr


def rows_of(output):
    """Read JSON lines; each must be one."""
    return [json.loads(line) for line in output.split("\n")[:-1]]


def test_originals_get_the_evaluations_answers_boxes_and_accuracy(finished, here):
    places = unpack(finished, here / "birds")
    output, said = ask("birds", "--format", "csv", "--scores", "--top-k", 10)
    rows = {Path(row["path"]): row for row in csv.DictReader(output.splitlines())}
    told = text.read_table(finished / "runs/tiny/evaluate/predictions.csv", {}, [], "").set_index("id")
    assert len(rows) == len(places) == 10
    for scale in (1, 2, 3):
        attended = finished / f"runs/tiny/attend/ours-0/scale-{scale}"
        before, boxes = predictions.read_predictions(attended), predictions.read_boxes(attended, places)
        seen = imageset.read(finished / "data/tiny" / ("scale-1" if scale == 1 else f"ours-0/scale-{scale}"))
        crops = seen.index.set_index("id")[imageset.CROP]
        for identity, place in places.items():
            row = rows[place.relative_to(here)]
            assert row["answer"] == row["class_1"] == told.ms[identity]
            size = int(row["width"]), int(row["height"])
            assert pixels(row, f"scale_{scale}_attended") == images.to_pixels(boxes.loc[identity, ATTENDED], *size)
            assert pixels(row, f"scale_{scale}_crop") == images.to_pixels(crops.loc[identity], *size)
            for level, name in {"local": "loc", "object": "obj", "mean": "avg"}.items():
                expected = np.sort(getattr(before, name)[before.id.tolist().index(identity)])
                found = np.sort([float(row[f"scale_{scale}_{level}_{rank}"]) for rank in range(1, 11)])
                assert np.abs(found - expected).max() < 1e-5
    accuracy = files.read_json(finished / "reports/metrics/tiny.json")["acc_avg"]["ms"]
    assert f"{accuracy:.1f}% right: {accuracy / 10:.0f} of 10 answers" in said and " taken for " in said


def pixels(row, name):
    return tuple(int(row[f"{name}_{corner}"]) for corner in ("x0", "y0", "x1", "y1"))


def test_a_row_of_each_format(here):
    (row,) = rows_of(ask("a.bmp", "--format", "jsonl", "--top-k", 2)[0])
    with Image.open("a.bmp") as image:
        assert (row["width"], row["height"]) == image.size
    assert row["path"] == "a.bmp" and row["answer"] == row["top"][0]["class"] and len(row["top"]) == 2
    assert [scale["scale"] for scale in row["scales"]] == [1, 2, 3]
    assert row["scales"][0]["crop"] == [0, 0, row["width"], row["height"]] and "scores" not in row["scales"][0]
    fields = ask("a.bmp", "--top-k", 2)[0].rstrip("\n").split("\t")
    first = row["top"][0]
    assert fields[0] == "a.bmp" and fields[1].startswith(f"{first['class']} {first['probability']:.1%}, ")
    assert fields[2].startswith(f"scale 1: sees 0,0,{row['width']},{row['height']} attends ") and len(fields) == 5


def test_more_classes_than_there_are_name_all(here):
    (row,) = rows_of(ask("a.bmp", "--format", "jsonl", "--top-k", 99)[0])
    assert len(row["top"]) == 10 and sum(one["probability"] for one in row["top"]) == pytest.approx(1, abs=1e-4)


def test_below_the_threshold_there_is_no_answer(here):
    (row,) = rows_of(ask("a.bmp", "--format", "jsonl", "--threshold", 0.99)[0])
    assert row["answer"] is None and row["top"]
    output, said = ask("a.bmp", "--threshold", 0.99)
    assert "\tnot sure: " in output and "1 of 1 pictures are not answered for, below --threshold 0.99" in said


def test_outputs_mirror_paths_and_overwrite_nothing(here):
    for name in ("one/a.bmp", "two/a.bmp", "one/a.png"):
        (here / name).parent.mkdir(exist_ok=True)
        with Image.open("a.bmp") as image:
            image.save(name)
    words = ["one", "two/a.bmp", here / "two", "two/../a.bmp", "--out", "out/new", "--overlay", "--format", "jsonl"]
    before = snapshot(here)
    ask(*words)
    rows = rows_of((here / "out/new/predictions.jsonl").read_text())
    drawn = [row["overlay"] for row in rows]
    inside = f"{here}/two/a.bmp.png".lstrip("/")
    expected = ["one/a.bmp.png", "one/a.png.png", "two/a.bmp.png", inside, "two/a.bmp-2.png"]
    assert drawn == [f"overlays/{name}" for name in expected]
    for path in drawn:
        with Image.open(here / "out/new" / path) as image:
            assert image.width > 1000
    after = snapshot(here)
    assert {path: after[path] for path in before} == before  # the user's own
    assert all(path.startswith("out/") for path in set(after) - set(before))
    _, said = ask(*words, status=1)
    assert "error: --out: out/new: is there already and is no empty folder; name a new one" in said


def snapshot(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file() and not p.is_symlink()}


def test_sources_behind_links_are_read_and_written_nowhere_else(here, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside")
    shutil.copy("a.bmp", outside)
    (here / "linked").symlink_to(outside)
    (here / "link.bmp").symlink_to("a.bmp")
    before = snapshot(outside) | snapshot(here)
    ask("linked", "link.bmp", "--out", "out", "--overlay")
    drawn = {p.relative_to(here).as_posix() for p in (here / "out").rglob("*.png")}
    assert drawn == {"out/overlays/linked/a.bmp.png", "out/overlays/link.bmp.png"}
    assert snapshot(outside) | {k: v for k, v in snapshot(here).items() if not k.startswith("out/")} == before


def make_hostile(folder):
    """Fill a folder with what must not stop anything; return how many pictures of it can be answered."""
    folder.mkdir()
    whole = Path("a.bmp").read_bytes()
    (folder / "empty.jpg").touch()
    (folder / "cut.bmp").write_bytes(whole[: len(whole) // 2])
    (folder / "page.jpg").write_text("<!DOCTYPE html><html><body>404</body></html>")
    (folder / "drawing.png").write_text('<svg xmlns="http://www.w3.org/2000/svg"/>')
    (folder / "large.png").write_bytes(png(10_000, 6_000))
    (folder / "larger.png").write_bytes(png(50_000, 40_000))
    (folder / "loop.jpg").symlink_to("loop.jpg")
    (folder / "nothing.jpg").symlink_to("gone.jpg")
    (folder / "again").symlink_to(".")
    os.mkfifo(folder / "pipe.jpg")
    names = ['it\'s "quoted".bmp', "two\nlines\r.bmp", "\x1b[31mred\x9b.bmp", "tab\t.bmp", "鳥\u2028.bmp", "a\\nb.bmp"]
    for name in names:
        (folder / name).write_bytes(whole)
    (folder / os.fsdecode(b"latin\xff.bmp")).write_bytes(whole)
    return len(names) + 1


@pytest.mark.parametrize("kind", ["text", "csv", "jsonl"])
def test_hostile_input_is_rows_with_errors(here, kind):
    good = make_hostile(here / "bad")
    words = ["bad", "missing.jpg", "/dev/zero", "x" * 5000, "--format", kind, "--out", "out", "--overlay"]
    before = snapshot(here)
    _, said = ask(*words, status=1)
    (place,) = (here / "out").glob("predictions.*")
    content = place.read_text(encoding="utf-8")
    n_bad = 9 + 3
    lines = content.split("\n")[:-1]
    assert len(lines) == len(content.splitlines()) == good + n_bad + (kind == "csv")
    assert not [c for c in content if c != "\n" and c != "\t" and (ord(c) < 32 or 127 <= ord(c) < 160)]
    assert f"{n_bad} of {good + n_bad} pictures could not be answered for" in said and "Traceback" not in said
    assert len(list((here / "out").rglob("*.png"))) == good
    assert {k: v for k, v in snapshot(here).items() if not k.startswith("out/")} == before
    if kind == "jsonl":
        rows = [json.loads(line) for line in lines]
        there = {f"bad/{path.name}" for path in (here / "bad").iterdir() if path.name != "again"}
        assert there <= {row["path"] for row in rows}
    elif kind == "csv":
        rows = list(csv.DictReader(lines))
        assert r"bad/two\x0alines\x0d.bmp" in {row["path"] for row in rows}
        assert r"bad/a\\nb.bmp" in {row["path"] for row in rows}
    if kind != "text":
        errors = {Path(row["path"]).name: row["error"] for row in rows if row.get("error")}
        assert errors["empty.jpg"].startswith("cannot be decoded (it is empty)")
        assert errors["larger.png"].startswith("cannot be decoded (it has more than 179 million pixels)")
        assert errors["pipe.jpg"] == errors["zero"] == "is no file"
        assert errors["missing.jpg"] == "cannot be read (No such file or directory)"
        assert errors["loop.jpg"] == "cannot be read (Too many levels of symbolic links)"


def test_names_on_standard_input_end_in_lines_or_zero_bytes(here):
    shutil.copy("a.bmp", "two\nlines.bmp")
    expected = ["two\nlines.bmp", "a.bmp"]
    rows = rows_of(ask("-", "--format", "jsonl", given=b"two\nlines.bmp\0a.bmp\0")[0])
    assert [row["path"] for row in rows] == expected
    rows = rows_of(ask("-", "--format", "jsonl", given=b"a.bmp\na.bmp\n")[0])
    assert [row["path"] for row in rows] == ["a.bmp", "a.bmp"]


def test_a_photo_that_the_camera_turned_is_answered_for_upright(here):
    with Image.open("a.bmp") as image:
        upright, size = image.convert("RGB"), image.size
    exif = Image.Exif()
    exif[0x0112] = 6
    upright.save("upright.png")
    upright.transpose(Image.Transpose.ROTATE_90).save("turned.png", exif=exif)
    upright, turned = rows_of(ask("upright.png", "turned.png", "--format", "jsonl", "--scores")[0])
    assert (turned["width"], turned["height"]) == size
    assert {**turned, "path": ""} == {**upright, "path": ""}


@pytest.mark.parametrize(
    "words, message",
    [
        (["a.bmp", "--overlay"], "error: --overlay: drawings need a folder: name one with --out"),
        (["runs"], "error: runs: no pictures there (5 files are none by their names)"),
        (["a.bmp", "--model", "nowhere"], "error: nowhere: has no model.json, so it is no exported model"),
        (["a.bmp", "--out", "a.bmp"], "is a file"),
        (["a.bmp", "--out", "runs"], "error: --out: runs: is there already and is no empty folder"),
    ],
)
def test_what_cannot_be_meant_is_one_line_before_any_network_is_loaded(here, monkeypatch, words, message):
    monkeypatch.setattr("pipeline.predicting.asking.load", lambda *_: 1 / 0)
    result = CliRunner().invoke(app, ["predict", *words])
    assert result.exit_code in (1, 2) and message in " ".join(result.output.split()) and not result.stdout


def test_without_a_model_or_with_two_one_must_be_named(here):
    shutil.copytree("runs/birds/model", "runs/cars/model")
    assert (
        "error: --model: name the folder of an exported model; there are runs/birds/model, runs/cars/model"
        in (ask("a.bmp", status=1)[1])
    )
    shutil.rmtree("runs")
    assert "there is none in runs/*/model" in ask("a.bmp", status=1)[1]


def test_standard_output_has_rows_and_nothing_else(here, monkeypatch):
    monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", "bf16")  # of which a line is said
    output, said = ask("a.bmp", "--format", "jsonl")
    assert len(rows_of(output)) == 1 and "ACCELERATE_MIXED_PRECISION=bf16 is not obeyed" in said
