"""Who is answered: pages of this server and programs of this machine, one request a connection, and in time.

A server on loopback is open to whatever page the user's browser shows. Such a page can send requests here and, if it
lets its own name lead to 127.0.0.1, also read the answers.
"""

import asyncio
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from pipeline.showing import uploads

HOSTS = ["127.0.0.1", "localhost"]  # names under which the page may be asked for, at any port: it may be forwarded
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Connection": "close",  # so that a connection's age is that of its only request
}


class Guard:
    """Refuses what other pages send, and gives each answer the headers that bind the browser.

    A link to the page may lie anywhere; what is behind it the headers keep other pages from using.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request on, or refuse it."""

        async def send_bound(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        if scope["method"] not in ("GET", "HEAD") and is_foreign(Headers(scope=scope)):
            app: ASGIApp = JSONResponse({"error": "another page may not ask here"}, 403)
        else:
            app = self.app
        await app(scope, receive, send_bound)


def is_foreign(headers: Headers) -> bool:
    """Say whether a browser sends this for a page of another origin.

    >>> is_foreign(Headers({"host": "localhost:1", "origin": "http://localhost:2"}))
    True
    >>> is_foreign(Headers({"host": "localhost:1"}))
    False
    """
    own = f"http://{headers.get('host', '')}"
    site = headers.get("sec-fetch-site", "none")
    return headers.get("origin", own) != own or site not in ("same-origin", "none")


class Impatient(H11Protocol):
    """HTTP that closes a connection whose request has no end of its header in time, or whose answer nobody takes.

    uvicorn waits for both for ever. The body's time is that of ``uploads.receive``.
    """

    timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Begin to wait for the header."""
        super().connection_made(transport)
        self.timer = self.loop.call_later(uploads.PATIENCE, self._unless_asked)

    def on_response_complete(self) -> None:
        """Begin to wait until the answer is taken."""
        super().on_response_complete()
        self._stop_waiting()
        self.timer = self.loop.call_later(uploads.PATIENCE, self.transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing more."""
        self._stop_waiting()
        super().connection_lost(exc)

    def _unless_asked(self) -> None:
        if self.cycle is None:
            self.transport.abort()

    def _stop_waiting(self) -> None:
        if self.timer is not None:
            self.timer.cancel()
