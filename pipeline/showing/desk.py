"""One picture at a time is answered for; few may wait, and who has gone is not answered."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from pipeline.showing.uploads import RefusedError

PLACES = 12  # requests that are received, wait or are answered at a time: they bound the memory


class Desk:
    """Hands pictures to ``answer``, which runs in one thread of its own while other requests are received."""

    def __init__(self, answer: Callable[[bytes], dict[str, Any]]) -> None:
        self._answer = answer
        self._taken = 0
        self._turn = asyncio.Lock()
        self._thread = ThreadPoolExecutor(1)

    @contextmanager
    def place(self) -> Iterator[None]:
        """Take a place, before anything is received; raise RefusedError where there is none."""
        if self._taken >= PLACES:
            raise RefusedError(503, f"{PLACES} pictures are waiting already: try again in a few seconds")
        self._taken += 1
        try:
            yield
        finally:
            self._taken -= 1

    async def ask(self, content: bytes, is_gone: Callable[[], Awaitable[bool]]) -> dict[str, Any]:
        """Return what is answered when it is this picture's turn."""
        async with self._turn:
            if await is_gone():
                raise RefusedError(400, "nobody waits for the answer any more")
            return await asyncio.get_running_loop().run_in_executor(self._thread, self._answer, content)
