"""Who starts when, without processes: tests/behaviour/test_side_by_side.py has them."""

import pytest

from pipeline.scheduling import coordinator
from pipeline.scheduling.coordinator import Coordinator, Options, clock, count
from pipeline.scheduling.graph import Stage


@pytest.fixture
def started(project, monkeypatch):
    """Return which stages a coordinator starts at once, and on how many slots each; ``bound`` has those on cores."""

    def run(*stages, options=None, gpus=(), cores=(0, 1)):
        monkeypatch.setattr(coordinator, "visible_gpus", lambda: list(gpus))
        monkeypatch.setattr(coordinator, "usable_cores", lambda: list(cores))
        calls = []

        class Started:
            def __init__(self, stage, share, *_):
                self.stage = stage
                calls.append((stage.name, len(share.slots)))
                run.bound |= {stage.name} if share.cores else set()

        monkeypatch.setattr(coordinator.jobs, "start", Started)
        named = {stage.name: stage for stage in stages}
        made = Coordinator(str(project), named, set(named), options or Options(2))
        made._start()
        return calls

    run.bound = set()
    return run


def stage(name, *needs, command="", alone=False):
    return Stage(name, command, frozenset(needs), alone)


def test_as_many_as_there_are_slots_and_only_what_is_ready(started):
    assert started(stage("a"), stage("b"), stage("c"), stage("d", "a")) == [("a", 1), ("b", 1)]


def test_the_longest_chain_begins(started):
    chain = [stage("a"), stage("b"), stage("c", "b"), stage("d", "c")]
    assert started(*chain, options=Options(1)) == [("b", 1)]


def test_what_is_to_be_alone_waits_for_an_empty_machine(started):
    assert started(stage("a", alone=True), stage("b")) == [("b", 1)]
    assert started(stage("a", alone=True), stage("b", "a")) == [("a", 2)]


@pytest.mark.parametrize("threads, slots", [(1, 1), (2, 2), (None, 2)])
def test_a_training_takes_the_slots_of_its_recipes_threads(started, write_recipe, tiny, threads, slots):
    tiny["train"]["threads"] = threads
    write_recipe(tiny=tiny)
    words = "python3 -m pipeline launch train tiny ours --seed 0"
    assert started(stage("a", command=words))[0] == ("a", slots)
    assert started(stage("a", command="python3 -m pipeline prepare tiny"))[0] == ("a", 1)


def test_trainings_keep_to_their_cores_and_other_stages_take_what_is_idle(started, write_recipe, tiny):
    tiny["train"]["threads"] = 1
    write_recipe(tiny=tiny)
    train = stage("train", command="python3 -m pipeline launch train tiny ours --seed 0")
    assert len(started(train, stage("draw", command="python3 -m pipeline download tiny"))) == 2
    assert started.bound == {"train"}


def test_on_gpus_one_that_is_alone_gets_all_of_them(started):
    assert started(stage("a"), stage("b"), options=Options(), gpus="01") == [("a", 1), ("b", 1)]
    assert started(stage("a"), stage("b", "a"), options=Options(), gpus="01") == [("a", 2)]


def test_a_cluster_has_as_many_slots_as_were_asked_for(started):
    assert started(stage("a"), stage("b"), stage("c"), options=Options(3, through="srun"), gpus="0") == [
        ("a", 1),
        ("b", 1),
        ("c", 1),
    ]


@pytest.mark.parametrize("seconds, text", [(0, "0:00"), (59.4, "0:59"), (59.6, "1:00"), (3725, "1:02:05")])
def test_times_as_people_read_them(seconds, text):
    assert clock(seconds) == text and count([1]) == "1 stage" and count([]) == "0 stages"
