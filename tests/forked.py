"""Commands of the pipeline in processes of their own that start at once.

A new Python spends seconds of processor on importing torch, MLflow and what they need. Here a server of
``multiprocessing`` has imported them, and none of our code; each process is forked from it. Tests of how a process
comes to be, by a shell, DVC or a launcher, start a new Python instead.
"""

import multiprocessing
import os
import runpy
import signal
import socket
import sys
import tempfile
from pathlib import Path

LIBRARIES = [
    "accelerate",
    "matplotlib.figure",
    "mlflow",
    "pandas",
    "skimage.measure",
    "timm",
    "torch",
    "torch._dynamo",
    "torchvision",
]
context = multiprocessing.get_context("forkserver")
context.set_forkserver_preload(LIBRARIES)


class Process:
    """A process that calls a function; what it prints goes into a file. Its working folder is the caller's."""

    def __init__(self, function, *arguments, **environment):
        self._said = tempfile.NamedTemporaryFile()  # noqa: SIM115  (as long as this object lives)
        here = (str(Path.cwd()), {**os.environ, **environment}, self._said.name)
        self._process = context.Process(target=_call, args=(*here, function, arguments))
        self._process.start()
        self.pid = self._process.pid

    @property
    def status(self):
        """The exit status, or a signal's number times -1; None while it runs."""
        return self._process.exitcode

    def kill(self):
        self._process.kill()
        self._process.join()

    def end(self, timeout=300):
        """Wait for its end; return what it has printed."""
        self._process.join(timeout)
        said = Path(self._said.name).read_text(encoding="utf-8")
        if self.status is None:
            self.kill()
            raise TimeoutError(said)
        return said


def _call(folder, environment, said, function, arguments):
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    file = os.open(said, os.O_WRONLY | os.O_APPEND)
    os.dup2(file, 1), os.dup2(file, 2)
    function(*arguments)


def start(*words, **environment):
    """Start a command of the pipeline."""
    return Process(_command, *words, **environment)


def _command(*words):
    sys.argv[1:] = words
    runpy.run_module("pipeline", run_name="__main__", alter_sys=True)


def run(*words, **environment):
    """Run a command of the pipeline to its end; fail with what it printed, else return that."""
    return finished(start(*words, **environment))


def finished(process):
    said = process.end()
    assert process.status == 0, said
    return said


def together(n, function, *arguments):
    """Call a function in n processes that know each other as those of torchrun do; return what each printed."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    job = {"WORLD_SIZE": str(n), "LOCAL_WORLD_SIZE": str(n), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    ranks = [{"RANK": str(rank), "LOCAL_RANK": str(rank)} for rank in range(n)]
    processes = [Process(function, *arguments, **job, **rank) for rank in ranks]
    return [finished(process) for process in processes]


def execute(code):
    """Run a script's text."""
    exec(code, {"__name__": "__main__"})


def run_together(n, *words):
    """Run a command of the pipeline on n processes."""
    return together(n, _command, *words)
