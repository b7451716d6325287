"""A graph of stages that only wait, in a DVC project of its own, and 'pipeline repro' on it as a process."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
from dvc.repo import Repo
from ruamel.yaml import YAML

REPRO = [sys.executable, "-m", "pipeline", "repro"]
TEST = "SIDE_BY_SIDE_TEST"  # a mark in the environment of all that a test starts


def make(folder, layers=3, width=4, seconds=4.0, commands=None, meta=None):
    """Write layers of stages that note when they begin and end; a stage needs all of the layer above."""
    stages = {}
    for layer in range(layers):
        for number in range(width):
            name = f"s{layer}-{number}"
            command = f"date +%s.%N > {name}.txt && sleep {seconds} && date +%s.%N >> {name}.txt"
            stages[name] = {"cmd": (commands or {}).get(name, command), "outs": [f"{name}.txt"]}
            above = [f"s{layer - 1}-{above}.txt" for above in range(width)] if layer else ["in.txt"]
            stages[name]["deps"] = above  # without deps DVC's run cache would not know a stage
            if meta and name in meta:
                stages[name]["meta"] = meta[name]
    (folder / "in.txt").touch()
    with (folder / "dvc.yaml").open("w") as file:
        YAML().dump({"stages": stages}, file)
    if not (folder / ".dvc").is_dir():
        Repo.init(str(folder), no_scm=True)
        (folder / ".dvc" / "config").write_text("[core]\n    analytics = false\n    no_scm = true\n")


def start(folder, *words, preexec=lambda: None, **environment):
    """Start 'pipeline repro' there, hearing Ctrl-C."""

    def prepare():
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        preexec()

    return subprocess.Popen(
        [*REPRO, *words],
        cwd=folder,
        env={**os.environ, TEST: str(folder), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=prepare,
    )


def run(folder, *words, **environment):
    """Run it to its end; return its exit status and what it said."""
    process = start(folder, *words, **environment)
    said, _ = process.communicate(timeout=900)
    return process.returncode, said


def times(folder, name):
    """Return when a stage began and ended, as it has noted itself."""
    return [float(line) for line in (folder / f"{name}.txt").read_text().split()]


def locked(folder):
    """Return the stages that dvc.lock holds."""
    path = folder / "dvc.lock"
    return set((YAML(typ="safe").load(path) or {}).get("stages", {})) if path.is_file() else set()


def until(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def left(folder):
    """Return the living processes that a test has started, by the mark in their environment."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.status() != psutil.STATUS_ZOMBIE and process.environ().get(TEST) == str(folder):
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found


def began(folder, *names):
    return lambda: all(Path(folder, f"{name}.txt").is_file() for name in names)
