"""DVC runs the stages, whatever happens to it."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from dvc.repo import Repo
from PIL import Image

from conftest import ROOT
from conftest import checkout as put_checkout
from pipeline import params
from pipeline.disk import imageset

pytestmark = pytest.mark.slow
REPRO = [sys.executable, "-m", "dvc", "repro", "prepare@tiny"]


@pytest.fixture
def checkout(project, write_recipe, tiny):
    """A checkout whose only recipe is a small one."""
    tiny["download"] |= {"training": 10, "test": 4}
    write_recipe(tiny=tiny)
    put_checkout(project)
    Repo.init(no_scm=True)
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    yield {**os.environ, "PATH": path}


def start(environment):
    return subprocess.Popen(
        REPRO, env=environment, stdout=-1, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )


def until_it_downloads():
    for _ in range(600):
        if list(Path("data/raw").glob(".tiny.*.partial")):
            return
        time.sleep(0.05)
    raise TimeoutError


def test_a_plan_that_was_edited_stops_it_before_anything_runs_and_once(checkout):
    with params.edit() as values:
        values["plan"]["tiny"]["main"]["scales"] = [1]
    stale = subprocess.run([*REPRO[:-1]], env=checkout, capture_output=True, text=True, check=False)
    assert stale.returncode != 0 and "cells.yaml: was not what params.yaml says, and is now" in stale.stderr
    assert not Path("data").exists() and "tiny-ours-0-2" not in Path("cells.yaml").read_text()
    again = subprocess.run([*REPRO[:-1], "plan"], env=checkout, capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stderr


def test_a_second_one_says_why_not_and_spoils_nothing(checkout):
    first = start(checkout)
    until_it_downloads()
    second = start(checkout)
    output, _ = second.communicate(timeout=60)
    assert second.returncode != 0 and "is busy, it is being blocked by" in output and f"(PID {first.pid})" in output
    output, _ = first.communicate(timeout=60)
    assert first.returncode == 0, output
    assert len(imageset.read(Path("data/tiny/scale-1")).index) == 140


def test_after_a_kill_it_starts_where_it_was(checkout):
    first = start(checkout)
    until_it_downloads()
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    assert not Path("data/raw/tiny").exists()
    again = start(checkout)
    output, _ = again.communicate(timeout=120)
    assert again.returncode == 0, output
    assert not list(Path("data/raw").glob(".tiny.*.partial")), "what the killed one left is swept"
    assert len(imageset.read(Path("data/tiny/scale-1")).index) == 140


@pytest.fixture
def photos(project, write_recipe, tiny):
    """A checkout whose only recipe reads a folder of the user's, with drawn pictures of two classes in it."""

    def add(folder, names):
        for name in names:
            pixels = np.random.default_rng(len(name)).integers(256, size=(64, 80, 3), dtype=np.uint8)
            for n in range(4):
                path = Path(folder, name, f"{n}.png")
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(np.roll(pixels, n, axis=0)).save(path)

    def use(root):
        tiny["download"] = {"reader": "folder", "root": root, "test_share": 0.5, "seed": 0, "boxes": None}
        write_recipe(tiny=tiny)

    add("photos", ["gull", "tern"])
    use("photos")
    put_checkout(project)
    Repo.init(no_scm=True)
    config = (ROOT / ".dvc/config").read_text(encoding="utf-8").replace("[core]", "[core]\n    no_scm = true")
    (project / ".dvc/config").write_text(config, encoding="utf-8")
    return add, use


def repro(*targets):
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    done = subprocess.run([*REPRO[:-1], *targets], env=environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def classes():
    return imageset.read(Path("data/tiny/scale-1")).class_names


def git(folder, *words):
    author = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
    subprocess.run(["git", *author, *words], cwd=folder, check=True, capture_output=True)


@pytest.mark.long
def test_a_second_clone_pulls_what_the_first_has_pushed(project, write_recipe, tiny, monkeypatch):
    """In paths with a space, and with the cache of both elsewhere: the outputs are links to it."""
    first, second, dvc = project / "my birds", project / "their birds", [sys.executable, "-m", "dvc"]
    first.mkdir()
    monkeypatch.chdir(first)
    shutil.move(project / "params.yaml", first)
    put_checkout(first)
    Path(".gitignore").write_text("/data/\n/runs/\n/mlflow.db*\n__pycache__/\n", encoding="utf-8")
    git(first, "init", "-q")
    subprocess.run([*dvc, "init", "-q"], check=True)
    subprocess.run([*dvc, "remote", "add", "-q", "-d", "shelf", str(project / "the shelf")], check=True)
    git(first, "add", "--all")
    git(first, "commit", "-q", "-m", "before")
    git(project, "clone", "-q", str(first), str(second))
    for folder in (first, second):
        monkeypatch.chdir(folder)
        subprocess.run([*dvc, "cache", "dir", "--local", str(project / f"cache of {folder.name}")], check=True)
        subprocess.run([*dvc, "config", "--local", "cache.type", "symlink"], check=True)
    monkeypatch.chdir(first)
    code, said = repro("prepare@tiny")
    assert code == 0 and next(Path("data/tiny/scale-1").iterdir()).is_symlink(), said
    git(first, "add", "--all")
    git(first, "commit", "-q", "-m", "after")
    subprocess.run([*dvc, "push", "-q"], check=True)
    git(second, "pull", "-q")
    monkeypatch.chdir(second)
    subprocess.run([*dvc, "pull", "-q", "prepare@tiny", "download@tiny"], check=True)
    code, said = repro("prepare@tiny")
    assert code == 0 and "Running stage" not in said and len(classes()) == 10, said


def test_pictures_that_are_added_replaced_or_taken_away_are_noticed(photos):
    add, _ = photos
    assert repro("prepare@tiny")[0] == 0 and classes() == ["gull", "tern"]
    before = imageset.read(Path("data/tiny/scale-1")).digest
    shutil.copy("photos/gull/0.png", "photos/gull/1.png")
    assert repro("prepare@tiny")[0] == 0 and imageset.read(Path("data/tiny/scale-1")).digest != before
    add("photos", ["skua"])
    shutil.rmtree("photos/tern")
    code, said = repro("prepare@tiny")
    assert code == 0 and classes() == ["gull", "skua"] and "Stage 'weights" not in said


@pytest.mark.parametrize(
    "root, planned, targets",
    [
        ("data/raw/tiny/mine", True, []),
        ("data/raw/tiny", False, ["prepare@tiny"]),  # a named target skips the stage 'plan'
        ("data/tiny/scale-1/mine", False, []),
    ],
)
def test_pictures_that_lie_where_a_stage_deletes_are_not_lost(photos, root, planned, targets):
    add, use = photos
    add(root, ["gull", "tern"])
    held = {path: path.read_bytes() for path in Path(root).rglob("*.png")}
    use(root)
    if planned:  # as if an older version of the project had written it
        cells = Path("cells.yaml")
        cells.write_text(cells.read_text().replace("[photos,", f"[{root},"))
    code, said = repro(*targets)
    assert code != 0 and "Traceback" not in said
    assert ("both a dependency and an output" if planned else "which stages delete and write anew") in said, said
    assert {path: path.read_bytes() for path in Path(root).rglob("*.png")} == held
