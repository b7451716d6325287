"""Command: a page on this machine that answers for one picture and shows where each scale looked."""

import errno
import socket
from contextlib import suppress
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from pipeline import recogniser
from pipeline.errors import InputError
from pipeline.predicting import asking
from pipeline.recogniser import Description
from pipeline.showing import examples, guard, page
from pipeline.showing.examples import Example

HERE = "127.0.0.1"  # and no other: whoever reaches the page may ask it
CONNECTIONS = 64  # at a time; more are refused


def run(model: Path | None, port: int) -> None:
    """Serve the page until Ctrl-C.

    model  what the export stage wrote; None for the only one below runs/
    port   0 for one that is free
    """
    model = asking.only_model() if model is None else model
    description = recogniser.read(model)
    with listen(port) as waiting:
        offered = _examples(description)
        ready = asking.load(model, description, "auto")
        server = make_server(page.make(ready, description, offered))
        print(f"{description.dataset}: http://{HERE}:{waiting.getsockname()[1]}/ (Ctrl-C ends it)", flush=True)
        with suppress(KeyboardInterrupt):  # uvicorn has ended by then
            server.run(sockets=[waiting])


def listen(port: int) -> socket.socket:
    """Return a socket that listens on loopback; raise InputError where the port is not to be had."""
    waiting = socket.socket()
    waiting.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # else a port stays in use after its server has ended
    try:
        waiting.bind((HERE, port))
        waiting.listen(CONNECTIONS)
    except OSError as error:
        waiting.close()
        why = "is in use" if error.errno == errno.EADDRINUSE else f"cannot be used ({error.strerror})"
        raise InputError(f"--port: {port} {why}; name another, or none to get one that is free") from error
    return waiting


def _examples(description: Description) -> list[Example]:
    """Return what there is to choose from; damaged pictures, which the model does not need, are only said."""
    try:
        return examples.find(Path("data/raw") / description.dataset, description.class_names)
    except InputError as error:
        print(f"no examples: {error}")
        return []


def make_server(app: FastAPI) -> uvicorn.Server:
    """Return the server of the page: it says nothing but of bugs, and believes no header about who asks."""
    return uvicorn.Server(
        uvicorn.Config(
            app,
            loop="asyncio",
            http=guard.Impatient,
            ws="none",
            lifespan="off",
            log_level="error",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            limit_concurrency=CONNECTIONS,
            timeout_graceful_shutdown=5,
        )
    )
