"""One picture at a time, a bounded number of places, nothing for who has gone."""

import asyncio
import threading
import time

import pytest

from pipeline.showing import desk
from pipeline.showing.desk import Desk
from pipeline.showing.uploads import RefusedError


async def there():
    return False


async def gone():
    return True


def test_pictures_are_answered_for_one_after_the_other_in_one_thread():
    running, most, threads = 0, 0, set()

    def answer(content):
        nonlocal running, most
        running += 1
        most = max(most, running)
        threads.add(threading.get_ident())
        time.sleep(0.01)
        running -= 1
        return {"said": content.decode()}

    async def all_at_once():
        asked = Desk(answer)
        return await asyncio.gather(*(asked.ask(str(n).encode(), there) for n in range(8)))

    assert asyncio.run(all_at_once()) == [{"said": str(n)} for n in range(8)]
    assert most == 1 and len(threads) == 1 and threading.get_ident() not in threads


def test_a_place_is_free_again_whatever_happened_to_its_request(monkeypatch):
    monkeypatch.setattr(desk, "PLACES", 2)
    asked = Desk(lambda _: {})
    for _ in range(5):
        with pytest.raises(ZeroDivisionError), asked.place():
            raise ZeroDivisionError
    with asked.place(), asked.place():
        with pytest.raises(RefusedError, match="2 pictures are waiting already") as refused, asked.place():
            pass
        assert refused.value.status == 503
    with asked.place():
        pass


def test_who_has_gone_is_not_answered():
    asked = Desk(lambda _: 1 / 0)
    with pytest.raises(RefusedError, match="nobody waits"):
        asyncio.run(asked.ask(b"", gone))


def test_who_goes_while_waiting_is_passed_over_when_it_is_his_turn():
    answered, left = [], []

    async def has_left():
        return bool(left)

    def answer(content):
        time.sleep(0.2)
        left.append(True)  # the second client goes while the first is answered
        answered.append(content)
        return {}

    async def two():
        asked = Desk(answer)
        return await asyncio.gather(asked.ask(b"1", there), asked.ask(b"2", has_left), return_exceptions=True)

    first, second = asyncio.run(two())
    assert answered == [b"1"] and first == {} and isinstance(second, RefusedError)
