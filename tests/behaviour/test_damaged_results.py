"""Files that were cut, flipped, swapped or saved in another encoding end in a result, or in a line that names them.

A bug keeps its traceback: only what reads a user's file turns errors into lines.
"""

import functools
import io
import random
import re
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from ruamel.yaml import YAML
from typer.testing import CliRunner

from conftest import ALONE, ROOT, TINY, write_params
from pipeline import check, compare, download, evaluate, images, params, plan, report, trainings, weights
from pipeline.cli import app
from pipeline.datasets import sources
from pipeline.disk import files, imageset, predictions
from pipeline.disk.cells import main_line
from pipeline.disk.predictions import ATTENDED, NEXT, Predictions
from pipeline.errors import InputError
from pipeline.reporting import claims, examples, metrics, results, tables
from pipeline.tracking import run as tracking
from pipeline.training import accelerator, trained

CASES, COMMANDS = 2000, 50
CLASSES = ["1", "NA", "Audi A4 2.0", "鸟 émeu"]
TOKENS = ["", "nan", "NaN", "inf", "-1", "1e999", "true", "null", "[]", "{}", "69,5", "'", '"', "\0", "<<<<<<< HEAD\n"]
TOKENS += [
    "999999999999999999999",
    "0x",
    "2024-13-45",
    "!!python/name:os.system",
    "&a",
    "*a",
    "é",
    "\ufeff",
    "\t",
    "- ",
]


@contextmanager
def untracked(*_, **__):
    yield tracking.Run()


def jpeg(number):
    buffer = io.BytesIO()
    Image.new("RGB", (64, 64), (20 * number, 90, 60)).save(buffer, format="JPEG")
    return buffer.getvalue()


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A project that has been run, its results made up: nothing is trained."""
    folder = tmp_path_factory.mktemp("project")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(tracking, "run", untracked)
        write_params(folder, {"tiny": TINY}, ALONE)
        n = len(CLASSES)
        index = pd.DataFrame({"id": [f"00{i}" for i in range(2 * n)], "file": [f"{i}.jpg" for i in range(2 * n)]})
        index["label"], index["class_name"] = list(range(n)) * 2, CLASSES * 2
        index = index.assign(split=["train"] * n + ["test"] * n, x0=0.25, y0=0.25, x1=0.75, y1=0.75)
        added = [64, 64, 0.0, 0.0, 1.0, 1.0, 64, 64, "d"]
        for cell in CELLS:
            images = Path("data/tiny/scale-1") if cell.scale == 1 else cell.below(Path("data/tiny"))
            imageset.write(images, index, ((jpeg(i), added) for i in range(2 * n)))
            write_attended(cell.below(Path("runs/tiny/attend")), index, cell.scale)
            history = {"epoch": [1, 2], "loss": [2.0, 1.5], "l_loc": [1.0, 0.5], "l_obj": [1.0, 0.5]}
            history |= {"acc_avg": [50.0, 75.0], "test_acc_avg": [None, 75.0]}
            trained = cell.below(Path("runs/tiny/train"))
            trained.mkdir(parents=True)
            pd.DataFrame(history).to_csv(trained / "history.csv", index=False)
        price = {"parameters_m": 1.0, "gflops": 2.0, "images_per_s": 3.0}
        costs = {"ours": {"1": price, "ms": price}, "baseline": {"1": price, "ms": price}}
        files.write_json(Path("runs/tiny/cost.json"), {"device": "CPU", "image": 64, **costs})
        Path("reports").mkdir()
        Path("reports/published.yaml").write_bytes((ROOT / "reports" / "published.yaml").read_bytes())
        run_evaluate(), run_compare()
        with redirect_stdout(io.StringIO()):
            assert check.update([], Path("reports"), 3.0, "") == 0
        yield folder


def write_attended(folder, index, scale):
    rng = np.random.default_rng(scale)
    n, n_classes = len(index), len(CLASSES)
    loc, obj = (rng.dirichlet(np.ones(n_classes), n).astype(np.float32) for _ in range(2))
    identities, labels = index.id.to_numpy(dtype=str), index.label.to_numpy()
    predictions.write_predictions(folder, Predictions(identities, index.split.to_numpy(dtype=str), labels, loc, obj))
    boxes = pd.DataFrame({"id": index.id, **dict.fromkeys(ATTENDED[:2] + NEXT[:2], 0.2)})
    boxes = boxes.assign(**dict.fromkeys(ATTENDED[2:] + NEXT[2:], 0.8), attended=0.3, constant=False)
    predictions.write_boxes(folder, boxes[["id", *ATTENDED, *NEXT, "attended", "constant"]])
    maps = {name: (rng.random((2, 2)), rng.random((2, 2)) < 0.5) for name in index.id[index.split == "test"]}
    predictions.write_maps(folder, maps)


def run_evaluate():
    out, metrics = Path("runs/tiny/evaluate"), Path("reports/metrics/tiny.json")
    evaluate.run("tiny", params.read("tiny"), FOLDERS, Path("data/tiny/scale-1"), out, metrics)


def run_compare():
    with redirect_stdout(io.StringIO()):
        compare.run(
            "tiny", trainings.read("tiny"), Path("runs/tiny/attend"), Path("reports/metrics/tiny.variants.json")
        )


def run_check():
    said = io.StringIO()
    with redirect_stdout(io.StringIO()), redirect_stderr(said):
        status = check.run([], Path("reports"), None, False)
    if said.getvalue():
        assert status == check.BROKEN
        raise InputError(said.getvalue().strip().replace("error: ", ""))


def run_params():
    sources.check("tiny", params.read("tiny").download)
    plan.spell(trainings.read_datasets())
    params.read("tiny", "baseline", 1)


@functools.cache
def scales():
    """The image sets and results of all scales, as they are before anything is damaged."""
    images = [Path("data/tiny/scale-1"), *(cell.below(Path("data/tiny")) for cell in CELLS[1:])]
    return [examples.read(seen, folder) for seen, folder in zip(images, FOLDERS, strict=True)]


def read_answers():
    return results.read_predictions(Path("runs/tiny/evaluate/predictions.csv"), scales())


def read_metrics():
    """What is shown of the numbers, but for the pictures."""
    ours = metrics.read(Path("reports/metrics/tiny.json"))
    tables.to_markdown(tables.table_6(ours)), tables.localisation(ours)
    claims.judge(ours, metrics.read_variants(Path("reports/metrics/tiny.variants.json")), 2)


CELLS = [main_line("tiny", scale) for scale in (1, 2, 3)]
FOLDERS = [cell.below(Path("runs/tiny/attend")) for cell in CELLS]
TAKEN = "data/raw/tiny/taken.json"
ATTEND, TRAIN, IMAGES = "runs/tiny/attend/ours-0/scale-1", "runs/tiny/train/ours-0/scale-1", "data/tiny/scale-1"
KINDS = {  # a file, what reads it, the command that calls that
    "params": ("params.yaml", run_params, "plan"),
    "floors": ("reports/expected.yaml", run_check, "check"),
    "metrics, checked": ("reports/metrics/tiny.json", run_check, "check"),
    "variants, checked": ("reports/metrics/tiny.variants.json", run_check, "check"),
    "metrics, shown": ("reports/metrics/tiny.json", read_metrics, "report"),
    "variants, shown": ("reports/metrics/tiny.variants.json", read_metrics, "report"),
    "predictions": (f"{ATTEND}/predictions.npz", lambda: evaluate.read(FOLDERS, scales()[0].images), "evaluate"),
    "predictions, compared": (
        f"{ATTEND}/predictions.npz",
        lambda: compare.read(CELLS, Path("runs/tiny/attend")),
        "compare",
    ),
    "boxes": (f"{ATTEND}/boxes.csv", lambda: predictions.read_boxes(Path(ATTEND), ["004", "005"]), "evaluate"),
    "maps": (f"{ATTEND}/maps.npz", lambda: predictions.read_maps(Path(ATTEND)), "report"),
    "index": (f"{IMAGES}/index.csv", lambda: imageset.read(Path(IMAGES)), "evaluate"),
    "answers": ("runs/tiny/evaluate/predictions.csv", read_answers, "report"),
    "history": (f"{TRAIN}/history.csv", lambda: results.read_history(Path(TRAIN) / "history.csv"), "report"),
    "cost": ("runs/tiny/cost.json", lambda: metrics.read_cost(Path("runs/tiny/cost.json")), "report"),
}


def damage(content, rng):
    """Damage a file in one of the ways in which files are damaged."""
    kind = rng.randrange(8)
    at, to = sorted(rng.randrange(len(content) + 1) for _ in range(2))
    if kind == 0:
        return content[:at]
    if kind == 1:
        flipped = bytearray(content)
        for _ in range(rng.choice([1, 1, 2, 8, 64])):
            flipped[rng.randrange(len(flipped))] ^= 1 << rng.randrange(8)
        return bytes(flipped)
    if kind == 2:
        return content[:at] + content[to:]
    if content.startswith(b"PK"):
        return damage_arrays(content, rng)
    text = content.decode()
    if kind == 3:
        return text.encode(rng.choice(["utf-16", "utf-16-le", "utf-32", "utf-8-sig", "cp037"]), errors="replace")
    if kind == 4:
        return text.encode("gbk", errors="replace").replace(b"?", b"\xe9")
    if kind == 5:  # lines: one twice, one less, or two that change places
        lines = text.splitlines(keepends=True)
        one, other = (rng.randrange(len(lines)) for _ in range(2))
        lines[one], lines[other] = rng.choice([(lines[other], lines[one]), ("", lines[one]), (lines[one], lines[one])])
        return "".join(lines).encode()
    fields = re.split(r"([,:\s]+)", text)
    one, other = (2 * rng.randrange(len(fields) // 2 + 1) for _ in range(2))
    if kind == 6:
        fields[one], fields[other] = fields[other], fields[one]
    else:
        fields[one] = rng.choice(TOKENS)
    return "".join(fields).encode()


def damage_arrays(content, rng):
    """Put other arrays into an archive of arrays: cut, repeated, of another type, in another's place, or none."""
    with np.load(io.BytesIO(content)) as stored:
        arrays = dict(stored)
    name, other = rng.choice(list(arrays)), rng.choice(list(arrays))
    array = arrays[name]
    changed = [
        lambda: array[: len(array) // 2] if array.ndim else array,
        lambda: np.concatenate([array, array]) if array.ndim else array,
        lambda: (
            array.astype(rng.choice(["U8", "S8", "f4", "c8"])) if array.dtype.kind != "U" else np.arange(array.size)
        ),
        lambda: array[..., None],
        lambda: arrays[other],
        lambda: np.full_like(array, rng.choice([0, 1, -1, 99]) if array.dtype.kind != "U" else "x"),
        lambda: np.full(array.shape, rng.choice([np.nan, np.inf, -1.0, 0.5])),
        lambda: array[::-1] if array.ndim else array,
        lambda: rng.permutation(array) if False else array.ravel()[:0],
    ]
    arrays[name] = rng.choice(changed)()
    if rng.random() < 0.1:
        del arrays[name]
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


@contextmanager
def replaced(path):
    """Put what was there back into a file after the block."""
    content = path.read_bytes()
    try:
        yield content
    finally:
        path.write_bytes(content)


def assert_one_line(message, path):
    """A line for each thing that is wrong, and each names a file; a recipe's problems come together."""
    for line in message.splitlines():
        assert re.match(r"[\w./-]+\.(yaml|json|csv|npz): \S|runs/tiny/attend/\S+: ", line), message
        assert len(line) < 400, message


@pytest.fixture
def here(project, monkeypatch):
    monkeypatch.chdir(project)
    monkeypatch.setattr(tracking, "run", untracked)
    files.write_json(Path(TAKEN), {"said": ["everything"]})


@pytest.mark.parametrize("file, read, _", KINDS.values(), ids=KINDS)
def test_every_damage_ends_in_a_result_or_in_a_line(here, monkeypatch, file, read, _):
    monkeypatch.setattr(files.os, "fsync", lambda _: None)
    rng, path, refused = random.Random(file), Path(file), 0
    with replaced(path) as content:
        read()
        for case in range(CASES):
            path.write_bytes(damage(content, rng))
            try:
                read()
            except InputError as error:
                refused += 1
                assert_one_line(str(error), path)
            except Exception:
                Path(f"case-{case}").write_bytes(path.read_bytes())
                raise
        path.write_bytes(content)
        read()
    assert refused > CASES / 4


def words(command):
    attended, metrics = ["--attended", "runs/tiny/attend"], "reports/metrics/tiny"
    written = ["--out", "runs/tiny/evaluate", "--metrics", f"{metrics}.json"]
    folders = ["--runs", "runs/tiny", "--data", "data/tiny", "--reports", "reports", "--out", "reports/tiny"]
    folders += ["--taken", TAKEN]
    return {
        "plan": ["plan"],
        "check": ["check"],
        "evaluate": ["evaluate", "tiny", "1", "2", "3", *attended, "--images", IMAGES, *written],
        "compare": ["compare", "tiny", *attended, "--metrics", f"{metrics}.variants.json"],
        "report": ["report", "tiny", "1", "2", "3", *folders],
    }[command]


@pytest.mark.parametrize("file, _, command", KINDS.values(), ids=KINDS)
def test_commands_end_in_a_result_or_in_a_line(here, monkeypatch, file, _, command):
    if command == "report":  # figures cost a second; only the maps decide how they are drawn
        monkeypatch.setattr(report, "_picture", lambda *_: None)
        for name in ["_training", *(["_attention", "_boxes"] if not file.endswith("maps.npz") else [])]:
            monkeypatch.setattr(report, name, lambda *_: None)
    rng, path = random.Random(f"{file} {command}"), Path(file)
    kept = [Path("reports/metrics/tiny.json"), Path("reports/metrics/tiny.variants.json"), Path("params.yaml")]
    before = {one: one.read_bytes() for one in kept}
    with replaced(path) as content:
        for _ in range(COMMANDS):
            for one, whole in before.items():
                one.write_bytes(whole)
            path.write_bytes(damage(content, rng))
            result = CliRunner().invoke(app, words(command), catch_exceptions=False)
            lines = [line for line in result.output.splitlines() if line.startswith("error: ")]
            assert result.exit_code == 0 or lines or "missing" in result.output or "fell by" in result.output
            assert len(lines) <= 1 and "Traceback" not in result.output, result.output
    for one, whole in before.items():
        one.write_bytes(whole)


def bug(*_, **__):
    raise KeyError("a bug")


INSIDE = {  # a stage, and what is called in the middle of it
    "plan": (plan, "spell"),
    "download": (download.files, "atomic_write"),
    "prepare": (images, "cut_all"),
    "train": (accelerator, "start"),
    "attend": (trained, "read_recipe"),
    "weights": (weights, "read"),
    "crop": (images, "cut_all"),
    "evaluate": (evaluate, "accuracies"),
    "measure": (accelerator, "start"),
    "compare": (compare, "hits"),
    "report": (claims, "judge"),
    "check": (check, "_compare"),
}


@pytest.mark.parametrize("name", INSIDE)
def test_a_bug_in_a_stage_keeps_its_traceback(here, monkeypatch, name):
    Path("raw").mkdir(exist_ok=True)
    index = scales()[0].images.index
    for file in index.file:
        Path("mine", file).parent.mkdir(parents=True, exist_ok=True)
        Path("mine", file).write_bytes(jpeg(0))
    imageset.write_originals(Path("raw"), index, Path("mine"), {})
    raw, seen = ["--raw", "raw"], ["--images", IMAGES]
    commands = {
        "download": ["--out", "out"],
        "prepare": [*raw, "--out", "out"],
        "train": [*seen, "--out", "out"],
        "attend": ["--trained", TRAIN, *seen, "--out", "out"],
        "crop": [*raw, "--attended", ATTEND, *seen, "--out", "out"],
        "measure": [*seen, "--out", "out.json"],
        "weights": ["--out", "out.safetensors"],
    }
    monkeypatch.setattr(*INSIDE[name], bug)
    with pytest.raises(KeyError, match="a bug"):
        dataset = [] if name == "crop" else ["tiny"]
        command = [name, *dataset, *commands[name]] if name in commands else words(name)
        CliRunner().invoke(app, command, catch_exceptions=False)


def test_every_stage_has_such_a_bug():
    assert set(YAML(typ="safe").load(ROOT / "dvc.yaml")["stages"]) <= set(INSIDE)
