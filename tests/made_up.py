"""A project whose results are made up: what evaluate, compare, report and check read, and nothing was trained."""

import functools
import io
from contextlib import contextmanager, redirect_stdout
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from conftest import ALONE, ROOT, TINY, write_params
from pipeline import check, compare, evaluate, params, trainings
from pipeline.disk import files, imageset, predictions
from pipeline.disk.cells import main_line
from pipeline.disk.predictions import ATTENDED, Predictions
from pipeline.explaining import store
from pipeline.explaining.store import Anatomy
from pipeline.reporting import examples
from pipeline.tracking import run as tracking

CLASSES = ["1", "NA", "Audi A4 2.0", "鸟 émeu"]
CELLS = [main_line("tiny", scale) for scale in (1, 2, 3)]
FOLDERS = [cell.below(Path("runs/tiny/attend")) for cell in CELLS]
TAKEN = "data/raw/tiny/taken.json"
ATTEND, TRAIN, IMAGES = "runs/tiny/attend/ours-0/scale-1", "runs/tiny/train/ours-0/scale-1", "data/tiny/scale-1"


@contextmanager
def untracked(*_, **__):
    yield tracking.Run()


def jpeg(number):
    buffer = io.BytesIO()
    Image.new("RGB", (64, 64), (20 * number, 90, 60)).save(buffer, format="JPEG")
    return buffer.getvalue()


def make(folder):
    """Write a project that has been run, its results made up; return its folder."""
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
            history |= {
                "acc_obj": [50.0, 75.0],
                "acc_avg": [50.0, 75.0],
                "cells_right": [40.0, 60.0],
                "test_acc_avg": [None, 75.0],
            }
            trained = cell.below(Path("runs/tiny/train"))
            trained.mkdir(parents=True)
            pd.DataFrame(history).to_csv(trained / "history.csv", index=False)
            (trained / "weights.safetensors").write_bytes(b"weights")
        price = {"parameters_m": 1.0, "gflops": 2.0, "images_per_s": 3.0}
        costs = {"ours": {"1": price, "ms": price}, "baseline": {"1": price, "ms": price}}
        files.write_json(Path("runs/tiny/cost.json"), {"device": "CPU", "image": 64, **costs})
        Path("reports").mkdir()
        Path("reports/published.yaml").write_bytes((ROOT / "reports" / "published.yaml").read_bytes())
        run_evaluate(), run_compare()
        with redirect_stdout(io.StringIO()):
            assert check.update([], Path("reports"), 3.0, "") == 0
        files.write_json(Path(TAKEN), {"said": ["everything"]})
    return folder


def write_attended(folder, index, scale):
    rng = np.random.default_rng(scale)
    n, n_classes = len(index), len(CLASSES)
    loc, obj = (rng.dirichlet(np.ones(n_classes), n).astype(np.float32) for _ in range(2))
    identities, labels = index.id.to_numpy(dtype=str), index.label.to_numpy()
    predictions.write_predictions(folder, Predictions(identities, index.split.to_numpy(dtype=str), labels, loc, obj))
    boxes = pd.DataFrame({"id": index.id, **dict.fromkeys(ATTENDED[:2], 0.2)})
    boxes = boxes.assign(**dict.fromkeys(ATTENDED[2:], 0.8), attended=0.3, constant=False)
    predictions.write_boxes(folder, boxes[["id", *ATTENDED, "attended", "constant"]])
    maps = {name: (rng.random((2, 2)), rng.random((2, 2)) < 0.5) for name in index.id}
    predictions.write_maps(folder, maps)
    store.write_anatomy(folder, made_up_anatomy("004"))
    store.write_wins(folder, store.wins(rng.integers(0, 9, (2, n_classes))))


def made_up_anatomy(identity, n=2):
    """Figures 1 to 3 of an image of the first class, on a map of 2 x 2 cells."""
    rng = np.random.default_rng(0)
    f, M = rng.random((2, 2), np.float32), rng.random((2, 2), np.float32)
    A, A_i = rng.random((3, 2, 2), np.float32), rng.normal(size=(n, len(CLASSES) + 1)).astype(np.float32)
    box, cell = np.array([0.0, 0.0, 0.5, 1.0]), np.array([1, 0])
    return Anatomy(identity, np.array([0, 3]), f, A, M, np.array([[True, False]] * 2), box, cell, A_i)


def run_evaluate():
    out, metrics = Path("runs/tiny/evaluate"), Path("reports/metrics/tiny.json")
    evaluate.run("tiny", params.read("tiny"), FOLDERS, Path("data/tiny/scale-1"), out, metrics)


def run_compare():
    with redirect_stdout(io.StringIO()):
        compare.run(
            "tiny",
            trainings.read("tiny"),
            Path("runs/tiny/attend"),
            Path("runs/tiny/train"),
            Path("reports/metrics/tiny.variants.json"),
        )


@functools.cache
def scales():
    """The image sets and results of all scales, as they are before anything is damaged."""
    images = [Path("data/tiny/scale-1"), *(cell.below(Path("data/tiny")) for cell in CELLS[1:])]
    return [examples.read(seen, folder) for seen, folder in zip(images, FOLDERS, strict=True)]


def words(command):
    attended, metrics = ["--attended", "runs/tiny/attend"], "reports/metrics/tiny"
    written = ["--out", "runs/tiny/evaluate", "--metrics", f"{metrics}.json"]
    folders = ["--runs", "runs/tiny", "--data", "data/tiny", "--reports", "reports", "--out", "reports/tiny"]
    folders += ["--taken", TAKEN]
    return {
        "plan": ["plan"],
        "check": ["check"],
        "evaluate": ["evaluate", "tiny", "1", "2", "3", *attended, "--images", IMAGES, *written],
        "compare": [
            "compare",
            "tiny",
            *attended,
            "--trained",
            "runs/tiny/train",
            "--metrics",
            f"{metrics}.variants.json",
        ],
        "report": ["report", "tiny", "1", "2", "3", *folders],
    }[command]
