"""What DVC and the launch of a stage cost, when nothing has changed and when something has."""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.timing import Row, side_by_side

ROOT = Path(__file__).parents[1]
PICTURES = {"cub": 11_788, "cars": 16_185, "aircraft": 10_000}  # Table 1
ROUNDS = 5
# What 'pipeline launch train' does before and after its work, in its order: the parts' seconds are printed.
STAGE = """
import json, time
parts, before = {}, time.perf_counter()

def lap(name):
    global before
    now = time.perf_counter()
    parts[name], before = now - before, now

from pipeline import cli_stages
cli_stages.main()
lap("command line")
import torch
lap("torch")
from pipeline import launch
launch.hand_over([])
lap("launch")
import torchvision
lap("torchvision")
import timm
lap("timm")
from pipeline import train
from pipeline.tracking import run as tracking
lap("ours")
with tracking.run("a", "b", {}) as run:
    run.metrics({"test/c": 1.0})
lap("MLflow")
print(json.dumps(parts))
"""


def rows() -> list[Row]:
    """Measure what it costs that nothing is to be done in the paper's whole grid, and a stage beside its work."""
    with tempfile.TemporaryDirectory() as folder:
        stages = put_grid(Path(folder))
        ours, plain = nothing_to_do(Path(folder))
    grid = f"of the paper's grid ({stages} stages, {sum(PICTURES.values()):,} pictures)"
    found = [
        Row(f"second 'dvc repro' {grid}", f"{plain:.1f} s", "", None, "at most 6 s", plain <= 6),
        Row(
            f"second 'pipeline repro -j 2' {grid}, against 'dvc repro'",
            f"{ours:.1f} s",
            f"{plain:.1f} s",
            ours / plain,
            "at most 6 s",
            ours <= 6,
        ),
    ]
    parts = overhead()
    named = ", ".join(f"{name} {value:.1f}" for name, value in parts.items() if name != "in all")
    found.append(
        Row(
            f"a stage beside its work ({named} s)",
            f"{parts['in all']:.1f} s",
            "",
            None,
            "at most 5 s",
            parts["in all"] <= 5,
        )
    )
    return found


def put_grid(folder: Path) -> int:
    """Put a finished project there, its outputs as many files as real ones are; return the number of its stages."""
    from dvc.repo import Repo

    for name in ("model", "pipeline"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("dvc.yaml", ".dvcignore", "params.yaml"):
        shutil.copy(ROOT / name, folder)
    (folder / "reports").mkdir()
    (folder / "data" / "archives" / "cars").mkdir(parents=True)  # which the recipe expects of its user
    shutil.copy(ROOT / "reports" / "published.yaml", folder / "reports")
    command = [sys.executable, "-m", "pipeline", "plan", "--datasets", ",".join(PICTURES)]
    subprocess.run(command, cwd=folder, check=True)
    stages = Repo.init(str(folder), no_scm=True).index.stages
    for stage in stages:
        for out in stage.outs:
            _write(Path(out.fs_path), stage.name)
    subprocess.run([sys.executable, "-m", "dvc", "commit", "--force", "--quiet"], cwd=folder, check=True)
    return len(stages)


def nothing_to_do(folder: Path) -> list[float]:
    """Return the median seconds of 'pipeline repro -j 2' and of 'dvc repro' in a finished project, in turns."""

    def run(words: list[str], said: str) -> None:
        command = [sys.executable, "-m", *words]
        done = subprocess.run(command, cwd=folder, check=True, capture_output=True, encoding="utf-8")
        assert said in done.stdout and "unning stage" not in done.stdout, done.stdout

    return side_by_side(
        lambda: run(["pipeline", "repro", "-j", "2"], "stages up to date"),
        lambda: run(["dvc", "repro"], "Data and pipelines are up to date."),
        rounds=3,
    )


def overhead() -> dict[str, float]:
    """Return the median seconds of each part of a stage that is not its work, and of all of them together."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "MLFLOW_TRACKING_URI": f"sqlite:///{folder}/mlflow.db", "PYTHONPATH": str(ROOT)}
        rounds = [_one_stage(folder, environment) for _ in range(ROUNDS + 1)][1:]
    return {name: statistics.median(one[name] for one in rounds) for name in rounds[0]}


def _one_stage(folder: str, environment: dict[str, str]) -> dict[str, float]:
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", STAGE], cwd=folder, env=environment, check=True, capture_output=True, encoding="utf-8"
    )
    parts, whole = json.loads(done.stdout), time.perf_counter() - started
    return parts | {"Python's start and end": whole - sum(parts.values()), "in all": whole}


def _write(path: Path, content: str) -> None:
    if path.suffix:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}" if path.suffix == ".json" else f"{content}\n", encoding="utf-8")
        return
    path.mkdir(parents=True, exist_ok=True)
    names = ("index.csv", "objects.csv", "pictures.zip", "taken.json", "images.zip", "boxes.csv", "predictions.npz")
    for name in (*names, "maps.npz"):
        (path / name).write_text(f"{content} {name}\n", encoding="utf-8")
