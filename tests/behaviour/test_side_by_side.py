"""Stages run side by side, whatever ends them: DVC's lock is whole, nothing goes on unseen, nothing is done twice."""

import resource
import signal

import pytest

import toy

pytestmark = pytest.mark.long


def test_each_layer_runs_at_once_and_the_next_follows_without_a_pause(tmp_path):
    toy.make(tmp_path)
    status, said = toy.run(tmp_path, "-j", "4")
    assert status == 0 and said.count(" done ") == 12, said
    layers = [[toy.times(tmp_path, f"s{layer}-{number}") for number in range(4)] for layer in range(3)]
    for layer in layers:
        assert max(begin for begin, _ in layer) < min(end for _, end in layer), "all four at once"
    assert toy.locked(tmp_path) == {f"s{layer}-{number}" for layer in range(3) for number in range(4)}
    again = toy.run(tmp_path, "-j", "4")
    assert again == (0, "12 stages up to date\n")
    assert not toy.left(tmp_path)


def failing(folder):
    """Two layers of two short stages, of which s0-1 fails; s1-0 alone does not need it."""
    toy.make(folder, layers=2, width=2, seconds=1, commands={"s0-1": "echo no good; exit 3"})
    text = (folder / "dvc.yaml").read_text()
    head, below = text.split("  s1-0:")
    first, second = below.split("  s1-1:")
    (folder / "dvc.yaml").write_text(head + "  s1-0:" + first.replace("    - s0-1.txt\n", "") + "  s1-1:" + second)


@pytest.mark.parametrize("words, finished", [([], {"s0-0"}), (["-k"], {"s0-0", "s1-0"})])
def test_after_a_failure(tmp_path, words, finished):
    failing(tmp_path)
    status, said = toy.run(tmp_path, "-j", "2", *words)
    assert status == 1 and "FAILED" in said and "    no good" in said and "runs/logs/s0-1.log" in said, said
    assert toy.locked(tmp_path) == finished and not toy.left(tmp_path)


def kill_a_command(folder, process):
    """Kill what a stage runs, not DVC."""
    next(one for one in toy.left(folder) if "sleep" in one.name()).kill()


def kill_a_dvc(folder, process):
    lasting = (one for one in toy.left(folder) if one.cmdline()[-2:] == ["--single-item", "s0-1"])  # s0-0's may end
    next(one for one in lasting if "pipeline.scheduling.keeper" not in one.cmdline()).kill()


def twice(folder, process):
    process.send_signal(signal.SIGINT)
    toy.until(lambda: "stopping" in process.stdout.readline())
    process.send_signal(signal.SIGINT)


CASES = {  # what is done while the first layer of long stages runs; the exit status
    "Ctrl-C": (lambda folder, process: process.send_signal(signal.SIGINT), 130),
    "SIGTERM": (lambda folder, process: process.send_signal(signal.SIGTERM), 130),
    "Ctrl-C twice": (twice, 130),
    "kill -9 of the coordinator": (lambda folder, process: process.kill(), -9),
    "kill -9 of a stage's command": (kill_a_command, 1),
    "kill -9 of a stage's DVC": (kill_a_dvc, 1),
}


@pytest.mark.parametrize("do, status", CASES.values(), ids=CASES)
def test_what_ends_stages(tmp_path, do, status):
    toy.make(tmp_path, layers=2, width=2, seconds=600, commands={"s0-0": "echo done > s0-0.txt"})
    process = toy.start(tmp_path, "-j", "2")
    toy.until(lambda: "s0-0" in toy.locked(tmp_path) and toy.began(tmp_path, "s0-1")())
    do(tmp_path, process)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == status, said
    toy.until(lambda: not toy.left(tmp_path), seconds=40)
    assert toy.locked(tmp_path) == {"s0-0"}
    toy.make(tmp_path, layers=2, width=2, seconds=0, commands={"s0-0": "echo done > s0-0.txt"})
    status, said = toy.run(tmp_path, "-j", "2")
    assert status == 0 and "start     s0-0" not in said and "3 ran" in said, said


def test_a_second_coordinator_is_refused_in_a_line(tmp_path):
    toy.make(tmp_path, layers=1, width=1, seconds=600)
    first = toy.start(tmp_path)
    toy.until(toy.began(tmp_path, "s0-0"))
    status, said = toy.run(tmp_path)
    assert status == 1 and said.count("\n") == 1
    assert f"another 'pipeline repro' runs here (process {first.pid}): wait for it" in said
    first.send_signal(signal.SIGINT)
    first.wait(60)
    assert first.returncode == 130 and not toy.left(tmp_path)


def test_a_full_disk(tmp_path):
    """No file of what starts from the second stage on may grow beyond some bytes, fewer than DVC needs."""
    toy.make(tmp_path, layers=1, width=3, seconds=1)
    process = toy.start(tmp_path, "-j", "1")
    toy.until(lambda: "start" in process.stdout.readline())
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (1000, 1000))
    said, _ = process.communicate(timeout=120)
    assert process.returncode == 1 and "FAILED" in said and "Traceback" not in said, said
    assert len(toy.locked(tmp_path)) == 1 and not toy.left(tmp_path)
    status, said = toy.run(tmp_path, "-j", "1", preexec=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000)))
    assert status == 1 and said.startswith("error: dvc: ") and said.count("\n") == 1, said
    status, said = toy.run(tmp_path, "-j", "2")
    assert status == 0 and "2 ran" in said and len(toy.locked(tmp_path)) == 3, said


def test_a_stage_that_a_signal_ended_is_started_again_as_often_as_was_said(tmp_path):
    once = "test -e tried || { touch tried; kill -TERM $$; }; echo done > s0-0.txt"
    toy.make(tmp_path, layers=1, width=1, commands={"s0-0": once})
    status, said = toy.run(tmp_path, "--retries", "1")
    assert status == 0 and "again" in said and "1 ran" in said, said
    toy.make(tmp_path, layers=1, width=1, commands={"s0-0": "kill -TERM $$"})
    status, said = toy.run(tmp_path, "--retries", "1")
    assert status == 1 and said.count("again") == 1 and "FAILED" in said, said
    toy.make(tmp_path, layers=1, width=1, commands={"s0-0": "exit 1"})
    assert "again" not in toy.run(tmp_path, "--retries", "1")[1], "an error would come again"


def test_what_measures_time_runs_alone(tmp_path):
    toy.make(tmp_path, layers=1, width=3, seconds=1, meta={"s0-1": {"alone": True}})
    assert toy.run(tmp_path, "-j", "3")[0] == 0
    begin, end = toy.times(tmp_path, "s0-1")
    for other in ("s0-0", "s0-2"):
        its_begin, its_end = toy.times(tmp_path, other)
        assert its_end < begin or end < its_begin


def test_each_stage_sees_its_own_gpu(tmp_path):
    see = {f"s0-{n}": f"sleep 1; echo $CUDA_VISIBLE_DEVICES > s0-{n}.txt" for n in range(4)}
    toy.make(tmp_path, layers=1, width=4, commands=see)
    assert toy.run(tmp_path, CUDA_VISIBLE_DEVICES="0,1,2,3")[0] == 0
    assert sorted((tmp_path / f"s0-{n}.txt").read_text() for n in range(4)) == ["0\n", "1\n", "2\n", "3\n"]


def test_a_stage_that_is_alone_sees_all_gpus(tmp_path):
    toy.make(tmp_path, layers=1, width=1, commands={"s0-0": "echo $CUDA_VISIBLE_DEVICES > s0-0.txt"})
    assert toy.run(tmp_path, CUDA_VISIBLE_DEVICES="0,1,2,3")[0] == 0
    assert (tmp_path / "s0-0.txt").read_text() == "0,1,2,3\n"


def test_a_cached_stage_is_not_run_again(tmp_path):
    toy.make(tmp_path, layers=2, width=2, seconds=0)
    assert toy.run(tmp_path)[0] == 0
    (tmp_path / "dvc.lock").unlink()
    status, said = toy.run(tmp_path)
    assert status == 0 and "4 cached" in said and "ran" not in said, said


def test_dry_runs_nothing_and_knows_earlier_times(tmp_path):
    toy.make(tmp_path, layers=2, width=2, seconds=1)
    assert "?  s0-0\n" in toy.run(tmp_path, "--dry")[1]
    assert toy.run(tmp_path)[0] == 0
    toy.make(tmp_path, layers=2, width=2, seconds=1.5)
    status, said = toy.run(tmp_path, "--dry")
    assert status == 0 and "longest chain 0:0" in said and "s1-0  (if its inputs change)" in said, said
    assert "sleep 1 &&" in (tmp_path / "dvc.lock").read_text()
