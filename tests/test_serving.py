"""A registered model behind MLflow's own server, on this machine, asked over HTTP."""

import base64
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

import command_line
import forked
import registered
from pipeline.disk import imageset

pytestmark = pytest.mark.serving
PATIENCE = 240  # seconds for the server to be there
ASK = 60  # seconds for an answer


@contextmanager
def serving(folder, *words):
    """Run 'mlflow models serve' in a folder; yield its address. No process of its group lives on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    scripts = Path(sys.executable).parent  # as after 'source .venv/bin/activate'
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW")}
    environment |= {"PATH": f"{scripts}:{os.environ['PATH']}", "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false"}
    command = [scripts / "mlflow", "models", "serve", "--env-manager", "local", "--port", str(port), *words]
    with (folder / "server.log").open("w") as log:
        server = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
    try:
        address = f"http://127.0.0.1:{port}"
        wait_for(server, f"{address}/ping", folder / "server.log")
        yield address
    finally:
        with suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def wait_for(server, address, log):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and server.poll() is None:
        with suppress(OSError):
            urllib.request.urlopen(address, timeout=5).close()
            return
        time.sleep(0.3)
    raise AssertionError(log.read_text(encoding="utf-8"))


def post(address, body):
    """Send a request; return the status and the line of the answer."""
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{address}/invocations", body.encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=ASK) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


@pytest.fixture(scope="module")
def project(calibrated, empty_store, tmp_path_factory):
    """A project whose model, a calibrated one, is registered in its default store; and a picture of the test split."""
    folder = tmp_path_factory.mktemp("my birds")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        registered.make(calibrated, folder, empty_store)
        forked.run("register", "tiny")
        index, pack = imageset.read_originals(calibrated / "data/raw/tiny")
        (folder / "a.bmp").write_bytes(pack.read(index.file[index.split == "test"].iloc[0]))
    return folder


@pytest.fixture(scope="module")
def address(project):
    with serving(project, "-m", "models:/tiny@champion") as address:
        yield address


def test_a_picture_gets_the_answer_of_predict(project, address, monkeypatch):
    picture = base64.b64encode((project / "a.bmp").read_bytes()).decode()
    body = {"dataframe_records": [{"image": picture}], "params": {"top_k": 10}}
    status, line = post(address, json.dumps(body))
    monkeypatch.chdir(project)
    said = command_line.run("predict", "a.bmp", "--top-k", "10", "--format", "jsonl", "--device", "cpu")
    expected = json.loads(said.splitlines()[0])
    del expected["path"]
    (found,) = json.loads(line)["predictions"]
    for row in (found, expected):
        row["top"] = {one["class"]: pytest.approx(one["probability"], abs=1e-5) for one in row["top"]}
    assert status == 200 and "\n" not in line and found == expected
    assert len(post(address, json.dumps(body | {"params": {}}))[1]) < 1000


@pytest.mark.parametrize(
    "body, words",
    [
        ('{"dataframe_records": [{"image": "no base64!"}]}', "image 1: is no base64"),
        ('{"dataframe_records": [{"image": "aGVsbG8="}]}', "image 1: cannot be decoded"),
        ('{"dataframe_records": [{"image": null}]}', "image 1: must be text"),
        ('{"dataframe_records": [{"image": 5}]}', "image 1: must be text"),
        ('{"dataframe_records": []}', "Model is missing inputs ['image']"),
        ('{"inputs": []}', "image: no picture"),
        ('{"dataframe_records": [{"picture": "aGVsbG8="}]}', "Model is missing inputs ['image']"),
        ('{"dataframe_records": [{"image": "aGVsbG8="}], "params": {"top_k": 0}}', "top_k: must be 1 or more"),
        ("nonsense", "valid JSON"),
        ("{}", "dataframe_records"),
    ],
)
def test_a_wrong_request_is_refused_in_a_line(address, body, words):
    status, line = post(address, body)
    assert status == 400 and words in line and "\n" not in line and "Traceback" not in line


def test_after_wrong_requests_it_still_answers_and_nothing_of_it_lives_on(project):
    with serving(project, "-m", "models:/tiny@champion", "--workers", "2") as address:
        assert post(address, "nonsense")[0] == 400
        picture = base64.b64encode((project / "a.bmp").read_bytes()).decode()
        assert post(address, json.dumps({"dataframe_records": [{"image": picture}]}))[0] == 200
    with pytest.raises(OSError):
        urllib.request.urlopen(f"{address}/ping", timeout=5)
