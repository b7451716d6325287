"""This project's own graph, side by side: the same numbers, and the same dvc.lock, as one stage after the other.

It starts some forty stages, each a process, so it runs on demand: make test-long
"""

import shutil
import subprocess
import sys

import pytest
from ruamel.yaml import YAML

import command_line
import toy
from conftest import ALONE, PLAN, TINY, VARIANTS, checkout

pytestmark = pytest.mark.long
DVC = [sys.executable, "-m", "dvc"]


@pytest.fixture
def folder(project):
    """Two datasets, and among their plans all variants."""
    small = {**TINY, "download": TINY["download"] | {"seed": 1}}
    scale_1 = {"main": ALONE["main"] | {"scales": [1]}}
    with (project / "params.yaml").open("w") as file:
        values = {"recipes": {"tiny": TINY, "small": small}, "variants": VARIANTS}
        YAML().dump(values | {"plan": {"tiny": PLAN, "small": scale_1}, "datasets": ["tiny", "small"]}, file)
    checkout(project)
    subprocess.run([*DVC, "init", "--no-scm", "--quiet"], cwd=project, check=True)
    return project


def stages(folder):
    return YAML(typ="safe").load(folder / "dvc.lock")["stages"]


def test_two_at_once_give_what_one_after_the_other_gives(folder, tmp_path_factory, monkeypatch):
    other = tmp_path_factory.mktemp("other") / "project"
    shutil.copytree(folder, other)
    status, said = toy.run(folder, "-j", "2")
    assert status == 0 and not toy.left(folder), said
    monkeypatch.chdir(other)
    for words in command_line.commands(other).values():
        command_line.run(*words)
    subprocess.run([*DVC, "commit", "--force", "--quiet"], check=True)
    for path in sorted((other / "reports" / "metrics").glob("*.json")):
        if not path.name.startswith("cost"):
            assert (folder / "reports" / "metrics" / path.name).read_bytes() == path.read_bytes(), path.name
    here, there = stages(folder), stages(other)
    assert here.keys() == there.keys() and len(here) > 40
    timed = {name for name in here if name.startswith(("measure", "report"))}  # how fast is no result that comes again
    assert [name for name in here if name not in timed and here[name] != there[name]] == []
    subprocess.run([*DVC, "status", "--quiet"], cwd=folder, check=True)
    status, said = toy.run(folder, "-j", "2")
    assert status == 0 and f"\n{len(here)} stages up to date\n" in said, said
