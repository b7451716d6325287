"""MLflow's store gone before, during and after a run, or silent: the work goes on and nothing is lost."""

import errno
import fcntl
import json
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import mlflow
import numpy as np
import pytest

import command_line
import forked
from pipeline.tracking import mlflow_store, outbox
from pipeline.tracking import run as tracking


def log_all(between=lambda: None):
    """Log one of everything, with something happening in the middle."""
    Path("results").mkdir(exist_ok=True)
    Path("results/a.txt").write_text("content")
    with tracking.run("tiny", "train-1", {}) as run:
        run.metrics({"loss": 2.0}, step=1)
        between()
        run.metrics({"loss": 1.0}, step=2)
        run.picture(np.zeros((4, 4, 3), dtype=np.uint8), "black.png")
        run.files(Path("results"))


def check_all(uri):
    """The store has one run with everything."""
    client = mlflow.MlflowClient(uri)
    (run,) = client.search_runs([client.get_experiment_by_name("tiny").experiment_id])
    assert (run.info.run_name, run.info.status) == ("tiny/train-1", "FINISHED")
    history = client.get_metric_history(run.info.run_id, "loss")
    assert [(m.step, m.value) for m in history] == [(1, 2.0), (2, 1.0)]
    assert {artifact.path for artifact in client.list_artifacts(run.info.run_id)} == {"black.png", "a.txt"}
    assert run.info.start_time <= history[0].timestamp <= history[1].timestamp <= run.info.end_time


def use(monkeypatch, uri):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    mlflow.set_tracking_uri(None)


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def test_gone_before(project, monkeypatch, capsys):
    store = f"sqlite:///{project / 'mlflow.db'}"
    use(monkeypatch, f"http://127.0.0.1:{free_port()}")
    started = time.monotonic()
    log_all()
    assert time.monotonic() - started < 30
    said = capsys.readouterr().err
    assert said.count("MLflow's store does not take this run") == 1 and "'pipeline send' sends it later" in said
    shutil.rmtree("results")
    use(monkeypatch, store)
    assert "sent" in command_line.run("send")
    check_all(store)
    assert not list(outbox.FOLDER.iterdir())


def test_silent(project, monkeypatch, capsys):
    """A server that takes the connection and never answers is the worst kind: half a minute, here a fifth of it."""
    monkeypatch.setenv(
        "MLFLOW_HTTP_REQUEST_TIMEOUT", str(int(mlflow_store.SETTINGS["MLFLOW_HTTP_REQUEST_TIMEOUT"]) // 5)
    )
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(50)
        use(monkeypatch, f"http://127.0.0.1:{server.getsockname()[1]}")
        started = time.monotonic()
        log_all()
        assert time.monotonic() - started < 10
    assert capsys.readouterr().err.count("does not take this run") == 1


@pytest.fixture
def server(project):
    """A real server, to be stopped and started."""
    port = free_port()
    Path("mlflow.db").rename("server.db")

    class Server:
        uri = f"http://127.0.0.1:{port}"

        def start(self):
            command = [sys.executable, "-m", "mlflow", "server", "--port", str(port), "--workers", "1"]
            command += ["--backend-store-uri", f"sqlite:///{project / 'server.db'}"]
            command += ["--artifacts-destination", str(project / "artifacts")]
            self.process = subprocess.Popen(command, stdout=-3, stderr=-3, start_new_session=True)
            for _ in range(600):
                try:
                    return urllib.request.urlopen(f"{self.uri}/health", timeout=1).close()
                except OSError:
                    time.sleep(0.1)
            raise TimeoutError

        def stop(self):
            subprocess.run(["pkill", "-9", "-s", str(self.process.pid)], check=False)
            self.process.wait()

    one = Server()
    one.start()
    yield one
    one.stop()


def test_gone_during(server, monkeypatch, capsys):
    use(monkeypatch, server.uri)
    log_all(between=server.stop)
    assert capsys.readouterr().err.count("does not take this run") == 1
    (kept,) = outbox.FOLDER.iterdir()
    kinds = [json.loads(line)["kind"] for line in (kept / "events.jsonl").read_text().splitlines()]
    assert kinds == ["go on", "metrics", "files", "files", "end"]
    assert outbox.send_all() == 1 and kept.exists(), "the server is still down: nothing may be lost"
    server.start()
    assert outbox.send_all() == 0
    check_all(server.uri)


def test_send_goes_on_where_it_failed(project, monkeypatch, capsys):
    """Else the store would have the run twice."""
    store = f"sqlite:///{project / 'mlflow.db'}"
    use(monkeypatch, f"http://127.0.0.1:{free_port()}")
    log_all()
    use(monkeypatch, store)
    send, seen = mlflow_store.send, []

    def fail_at_the_third(client, run, event):
        seen.append(event["kind"])
        if len(seen) == 3:
            raise ConnectionError("the server went away")
        return send(client, run, event)

    monkeypatch.setattr(mlflow_store, "send", fail_at_the_third)
    assert outbox.send_all() == 1 and "the server went away" in capsys.readouterr().err
    assert outbox.send_all() == 0
    check_all(store)
    assert seen == ["open", "metrics", "metrics", "go on", "metrics", "files", "files", "end"]


def test_a_new_local_store_survives_several_jobs_at_once(project):
    """Two that set it up together left it broken for good, with half of its tables."""
    Path("mlflow.db").unlink()
    script = (
        "from pipeline.tracking import run as tracking\n"
        "with tracking.run('tiny', 'job-{n}', {{}}) as run:\n"
        "    for step in range(20): run.metrics({{'loss': 1.0}}, step)\n"
    )
    jobs = [forked.Process(forked.execute, script.format(n=n)) for n in range(3)]
    assert [forked.finished(job) for job in jobs] == [""] * 3 and not outbox.FOLDER.exists()
    client = mlflow.MlflowClient(f"sqlite:///{project / 'mlflow.db'}")
    runs = client.search_runs([client.get_experiment_by_name("tiny").experiment_id])
    assert {run.info.run_name for run in runs} == {"tiny/job-0", "tiny/job-1", "tiny/job-2"}
    assert [len(client.get_metric_history(run.info.run_id, "loss")) for run in runs] == [20] * 3


def test_nothing_to_send(project):
    assert "nothing is kept there" in command_line.run("send")


def test_an_experiment_deleted_in_the_page_is_named_with_the_command_and_its_runs_can_be_sent(project, capsys):
    with tracking.run("tiny", "train-0", {}):
        pass
    client = mlflow.MlflowClient()
    identity = client.get_experiment_by_name("tiny").experiment_id
    client.delete_experiment(identity)
    log_all()
    with tracking.run("other", "train-1", {}):
        pass
    command = f"'mlflow experiments restore --experiment-id {identity}'"
    assert command in capsys.readouterr().err and len(list(outbox.FOLDER.iterdir())) == 1
    assert outbox.send_all() == 1 and command in capsys.readouterr().err
    client.restore_experiment(identity)
    client.delete_run(client.search_runs([identity])[0].info.run_id)  # the one before, so that there is one again
    assert outbox.send_all() == 0
    check_all(None)


def test_one_run_that_cannot_be_sent_holds_up_no_other(project, capsys):
    client = mlflow.MlflowClient()

    def delete_it():
        (run,) = client.search_runs([client.get_experiment_by_name("tiny").experiment_id])
        client.delete_run(run.info.run_id)
        deleted.append(run.info.run_id)

    deleted = []
    log_all(between=delete_it)
    assert f"'mlflow runs restore --run-id {deleted[0]}'" in capsys.readouterr().err
    (kept,) = outbox.FOLDER.iterdir()
    (later := kept.with_name("99-later")).mkdir()
    opened = {"kind": "open", "experiment": "two", "name": "two/a", "tags": {}, "params": {}, "run": None, "time": 1}
    (later / "events.jsonl").write_text(json.dumps(opened) + "\n")
    assert outbox.send_all() == 1 and not later.exists() and client.get_experiment_by_name("two")
    client.restore_run(deleted[0])
    assert outbox.send_all() == 0 and not list(outbox.FOLDER.iterdir())
    check_all(None)


def test_a_run_deleted_before_a_training_goes_on_is_logged_anew_and_whole(project):
    history = [{"epoch": 1, "loss": 2.0}, {"epoch": 2, "loss": 1.0}]
    with tracking.run("tiny", "train-1", {}) as first:
        first.epoch(history[0])
    client = mlflow.MlflowClient()
    client.delete_run(first.id)
    with tracking.run("tiny", "train-1", {}, resume=first.id) as second:
        second.catch_up(history[:1])
        second.epoch(history[1])
    assert second.id != first.id and not outbox.FOLDER.exists()
    assert [(m.step, m.value) for m in client.get_metric_history(second.id, "train/loss")] == [(1, 2.0), (2, 1.0)]


def test_what_a_run_has_already_is_not_sent_again_later(project, monkeypatch):
    """A training goes on while the store is away: its first epochs are in the store, if that still has the run."""
    store = f"sqlite:///{project / 'mlflow.db'}"
    with tracking.run("tiny", "train-1", {}) as first:
        first.epoch({"epoch": 1, "loss": 2.0})
    use(monkeypatch, f"http://127.0.0.1:{free_port()}")
    with tracking.run("tiny", "train-1", {}, resume=first.id) as second:
        second.catch_up([{"epoch": 1, "loss": 2.0}])
        second.epoch({"epoch": 2, "loss": 1.0})
    use(monkeypatch, store)
    assert outbox.send_all() == 0
    steps = [m.step for m in mlflow.MlflowClient(store).get_metric_history(first.id, "train/loss")]
    assert steps == [1, 2]


def test_a_run_that_is_still_written_is_left_alone(project, monkeypatch, capsys):
    """Sent halfway, its folder would be gone under the training, which writes to it."""
    store = f"sqlite:///{project / 'mlflow.db'}"
    use(monkeypatch, f"http://127.0.0.1:{free_port()}")

    def send():
        other = forked.start("send", MLFLOW_TRACKING_URI=store)
        assert "its stage is still running" in other.end() and other.status == 1

    log_all(between=send)
    use(monkeypatch, store)
    assert outbox.send_all() == 0
    check_all(store)


def test_a_line_that_was_not_written_whole_is_named(project, capsys):
    folder = outbox.FOLDER / "one"
    folder.mkdir(parents=True)
    (folder / "events.jsonl").write_text('{"kind": "open", "experi')
    assert outbox.send_all() == 1
    assert "runs/unsent/one: not sent (ValueError: events.jsonl has a line that was not written whole" in (
        capsys.readouterr().err
    )


@pytest.mark.parametrize("number", ["ENOLCK", "EOPNOTSUPP", "ENOSYS"])
def test_a_file_system_without_locks_stops_neither_a_run_nor_what_sends_it(project, monkeypatch, number):
    def flock(file, operation):
        raise OSError(getattr(errno, number), "not here")

    monkeypatch.setattr(fcntl, "flock", flock)
    store = f"sqlite:///{project / 'mlflow.db'}"
    use(monkeypatch, f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    log_all()
    use(monkeypatch, store)
    assert outbox.send_all() == 0
    check_all(store)


def test_an_outbox_that_cannot_be_written_stops_no_work(project, monkeypatch, capsys):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    (project / "runs").mkdir()
    (project / "runs/unsent").write_text("a file of the user's")
    with tracking.run("tiny", "train", {}) as tracker:
        tracker.metrics({"loss": 1.0})
    said = capsys.readouterr().err
    assert said.count("warning: ") == 1 and "runs/unsent: cannot be written" in said and "the work goes on" in said
    assert (project / "runs/unsent").read_text() == "a file of the user's"


def test_a_disk_that_fills_up_stops_no_work(project, monkeypatch, capsys):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    with tracking.run("tiny", "train", {}) as tracker:
        monkeypatch.setattr(outbox, "_append", full)
        tracker.metrics({"loss": 1.0})
    assert "runs/unsent: cannot be written ([Errno 28] No space left" in capsys.readouterr().err


def full(*_):
    raise OSError(errno.ENOSPC, "No space left on device")
