"""DVC's graph and judgement, and the chains in it."""

import itertools
import random
import shutil
import subprocess
import sys

import pytest

import toy
from pipeline.errors import InputError
from pipeline.scheduling import graph
from pipeline.scheduling.graph import Stage


@pytest.fixture(scope="module")
def run_once(tmp_path_factory):
    """Two layers of two stages, all of them run."""
    folder = tmp_path_factory.mktemp("run")
    toy.make(folder, layers=2, width=2, seconds=0, meta={"s1-1": {"alone": True}})
    subprocess.run([sys.executable, "-m", "dvc", "repro", "--quiet"], cwd=folder, check=True)
    return folder


@pytest.fixture
def made(run_once, tmp_path, monkeypatch):
    monkeypatch.chdir(shutil.copytree(run_once, tmp_path / "made"))
    return tmp_path / "made"


def test_the_graph_is_dvcs(made):
    stages, stale = graph.read([])
    assert stale == set() and set(stages) == {"s0-0", "s0-1", "s1-0", "s1-1"}
    assert stages["s1-0"].needs == {"s0-0", "s0-1"} and stages["s0-0"].needs == set()
    assert [stage.name for stage in stages.values() if stage.alone] == ["s1-1"]
    assert stages["s0-0"].command.startswith("date +%s.%N > s0-0.txt")
    assert set(graph.read(["s1-0"])[0]) == {"s0-0", "s0-1", "s1-0"}, "a target and what it needs"


def test_what_is_out_of_date_is_what_dvc_says(made):
    (made / "s0-1.txt").write_text("changed")
    stages, stale = graph.read([])
    assert stale == {"s0-1"} and graph.below(stages, stale) == {"s1-0", "s1-1"}
    assert graph.read(["s0-0"])[1] == set()


@pytest.mark.parametrize("text", ["stages: [", "stages: {a: {cmd: true, dep: [b]}}", ""])
def test_what_dvc_cannot_read_is_a_line(made, text):
    (made / "dvc.yaml").write_text(text)
    with pytest.raises(InputError, match=r"^dvc: [^\n]+$"):
        graph.read(["s0-0"])


def test_an_unknown_stage_and_no_project_are_a_line(made, tmp_path_factory, monkeypatch):
    with pytest.raises(InputError, match=r"^dvc: [^\n]*s9"):
        graph.read(["s9"])
    monkeypatch.chdir(tmp_path_factory.mktemp("none"))
    with pytest.raises(InputError, match=r"^dvc: [^\n]*(not inside|initialized)"):
        graph.read([])


def drawn(rng, n):
    """A random graph in an order in which what a stage needs stands before it."""
    names = [f"s{i}" for i in range(n)]
    needs = [rng.sample(names[:i], rng.randrange(i + 1)) for i in range(n)]
    return {name: Stage(name, "", frozenset(above)) for name, above in zip(names, needs, strict=True)}


def chains(stages, name):
    """All chains that begin with a stage, by trying all ways."""
    yield [name]
    for other, stage in stages.items():
        if name in stage.needs:
            yield from ([name, *chain] for chain in chains(stages, other))


@pytest.mark.parametrize("case", range(20))
def test_chains_are_as_if_all_were_tried(case):
    rng = random.Random(case)
    stages = drawn(rng, rng.randrange(1, 6))
    seconds = {name: float(rng.randrange(1, 9)) for name in stages}
    tried = [chain for name in stages for chain in chains(stages, name)]
    lengths = graph.path_lengths(stages, seconds)
    for name in stages:
        assert lengths[name] == max(sum(seconds[s] for s in chain) for chain in tried if chain[0] == name)
    found = graph.critical_path(stages, seconds)
    assert sum(seconds[name] for name in found) == max(sum(seconds[s] for s in chain) for chain in tried)
    assert all(one in stages[other].needs for one, other in itertools.pairwise(found))


def test_no_stages_have_no_chain():
    assert graph.critical_path({}, {}) == [] and graph.below({}, set()) == set()
