"""The benchmarks run, each in a process of its own; here on tiny networks and few pictures."""

import json
import sys

import pytest

import forked
from benchmarks import __main__ as command
from benchmarks.timing import Row, failed

TINY = {
    "step": (
        "s.BACKBONE, s.PIXELS, s.N_CATEGORIES, s.N_CLASSIFIERS = 'resnet18', 64, 3, 2\n"
        "s.ROUNDS = {'cpu': 2}\nrows = s.rows()\n",
        3,
    ),
    "step in bf16": (
        "s.BACKBONE, s.PIXELS, s.N_CATEGORIES, s.N_CLASSIFIERS = 'resnet18', 64, 3, 2\n"
        "s.ROUNDS = {'cpu': 2}\nrows = [s.at_most('a', s.measure(4, 'bf16', 'cpu'), 1)]\n",
        1,
    ),
    "operations": ("s.step = lambda name, job, one=s.step: one(name, job, 'resnet18')\nrows = s.rows()\n", 1),
    "boxes": ("s.MAPS, s.BATCHES = 8, 1\nrows = s.rows()\n", 1),
    "loading": ("s.PICTURES, s.EDGE, s.BATCH, s.ORIGINALS = 4, 64, 2, {'a': (80, 70)}\nrows = s.rows()\n", 2),
    "inference": ("s.BACKBONE, s.SHAPES, s.PICTURES = 'resnet18', [(64, 64)], 2\nrows = s.rows()\n", 1),
    "trainings": ("s.BACKBONE, s.PIXELS, s.BATCH, s.STEPS, s.ROUNDS = 'resnet18', 64, 2, 1, 1\nrows = s.rows()\n", 1),
    "predicting": (
        "s.BACKBONE, s.EDGE, s.CLASSES, s.PICTURES = 'resnet18', 64, 3, 2\nrows = s.rows()\n",
        1,
    ),
    "inference in bf16": (
        "s.BACKBONE, s.SHAPES, s.PICTURES = 'resnet18', [(64, 64)], 2\nrows = s.measure('bf16')\n",
        1,
    ),
}


@pytest.mark.parametrize("name", TINY)
def test_a_benchmark_runs(name):
    script, n = TINY[name]
    module = name.split()[0]
    code = f"from benchmarks import {module} as s\n{script}\nprint(*(row.ratio for row in rows))"
    ratios = forked.finished(forked.Process(forked.execute, code)).splitlines()[-1].split()
    assert len(ratios) == n and all(ratio == "None" or float(ratio) > 0 for ratio in ratios)


def test_the_network_is_timed_in_the_precision_in_which_it_runs():
    """The bare backbone is what the prepared network calls: taking it out must not take autocast away from both."""
    code = (
        "import torch\nfrom benchmarks import inference as s\n"
        "s.BACKBONE, s.SHAPES, s.PICTURES = 'resnet18', [(64, 64)], 2\n"
        "seen, infer = set(), s.inference.infer\n"
        "def inside(network, *rest):\n"
        "    body = network.backbone.body[0]\n"
        "    handle = body.register_forward_hook(lambda module, X, y: seen.add(y.dtype))\n"
        "    results = infer(network, *rest)\n"
        "    handle.remove()\n"
        "    return results\n"
        "s.inference.infer = inside\ns.measure('bf16')\nprint(*seen)\n"
    )
    said = forked.finished(forked.Process(forked.execute, code))
    assert said.splitlines()[-1] == "torch.bfloat16", said


def row(what):
    return vars(Row(what, "1 s", "2 s", 0.5, "at most 1", True))


def test_the_table_is_written_after_every_benchmark(tmp_path, monkeypatch, capsys):
    parts = iter([(0, {"machine": "m", "rows": [row("one")]}), KeyboardInterrupt()])

    def run(name):
        found = next(parts)
        if isinstance(found, BaseException):
            raise found
        return found

    monkeypatch.setattr(command, "_in_a_process", run)
    monkeypatch.setattr(sys, "argv", ["benchmarks", "step", "boxes"])
    with pytest.raises(KeyboardInterrupt):
        command.main(tmp_path)
    assert "| one | 1 s | 2 s | 0.5 | at most 1 | met |" in (tmp_path / "results.md").read_text()


def test_a_benchmark_that_fails_costs_no_other_its_figures(tmp_path, monkeypatch, capsys):
    command.write(tmp_path, "memory", {"machine": "another", "rows": [row("kept")]})
    found = {
        "step": (1, {"machine": "m", "rows": [vars(failed("step", 1))]}),
        "boxes": (0, {"machine": "m", "rows": [row("two")]}),
    }
    monkeypatch.setattr(command, "_in_a_process", lambda name: found[name])
    monkeypatch.setattr(sys, "argv", ["benchmarks", "step", "boxes"])
    assert command.main(tmp_path) == 1
    text = (tmp_path / "results.md").read_text()
    assert text.index("all of step | ended with exit code 1") < text.index("| two |") < text.index("| kept |")
    assert "- step, boxes: m\n- memory: another\n" in text
    assert set(json.loads((tmp_path / "results.json").read_text())) == {"step", "boxes", "memory"}


def test_a_name_that_is_no_benchmark(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["benchmarks", "steps"])
    assert command.main(tmp_path) == 2
    assert capsys.readouterr().err.startswith("error: there is no benchmark steps; there are step, operations")


def test_each_benchmark_is_a_process_that_can_fail(monkeypatch):
    code, found = command._in_a_process("nothing")
    assert code == 1 and found["rows"][0]["what"] == "all of nothing"
