"""The page over HTTP, with a stand-in for the networks: who is answered, what binds the browser, what is refused."""

import json
import re
import socket
import threading
import time
from types import SimpleNamespace

import pytest

from pipeline.showing import desk, guard, page, uploads
from pipeline.showing.examples import Example
from served import request, served

MODEL = SimpleNamespace(
    dataset="<b>irds",
    class_names=["a & b", "<script>"],
    weights=["", "", ""],
    metrics={"acc_avg": {"1": 1.0, "ms": 54.321}},
    calibration=SimpleNamespace(temperature=0.5),
)


@pytest.fixture
def port(monkeypatch):
    """A server that answers with the number of bytes; the body 'wait' it thinks about until ``page.go`` is set."""
    go = threading.Event()

    def answer(_ready, content, _names):
        if content == b"wait":
            go.wait(30)
        return {"bytes": len(content)}

    monkeypatch.setattr(page, "answer", answer)
    monkeypatch.setattr(page, "go", go, raising=False)
    with served(page.make(None, MODEL, [Example("<i>", b"picture", b"small")])) as port:
        yield port
        go.set()


def refused(answer, status):
    """Return why a request was refused: one line."""
    assert answer[0] == status, answer
    (why,) = json.loads(answer[2]).values()
    assert why and "\n" not in why
    return why


def test_the_page_its_files_and_its_examples_are_its_own(port):
    status, _, html = request(port, "/")
    text = html.decode()
    linked = re.findall(r'(?:src|href)="([^"]*)"', text)
    assert status == 200 and set(linked) == {
        *("data:,", "/files/page.css", "/files/page.js", "/examples/0?small=1"),
    }
    assert not re.search(r"<script>|<style|\son\w+=|\sstyle=", text.replace("&lt;script&gt;", ""))
    assert "this model was right in 54.3%. Probabilities are the mean of the scales', made as sure" in text
    assert "&lt;b&gt;irds" in text and "a &amp; b" in text and "&lt;i&gt;" in text
    for name, kind in page.FILES.items():
        status, headers, content = request(port, f"/files/{name}")
        assert status == 200 and headers["Content-Type"].startswith(kind)
        assert b"://" not in content and b"innerHTML" not in content
    assert request(port, "/examples/0")[2] == b"picture" and request(port, "/examples/0?small=1")[2] == b"small"


def test_nothing_else_is_there(port):
    for path in ("/files/page.py", "/files/..%2fpage.py", "/docs", "/openapi.json", "/examples/1", "/examples/-1"):
        assert refused(request(port, path), 404)
    assert request(port, "/answer")[0] == 405 and request(port, "/examples/x")[0] == 422


@pytest.mark.parametrize("path, body", [("/", None), ("/answer", b"123"), ("/answer", b""), ("/nowhere", None)])
def test_every_answer_has_the_headers_that_bind_the_browser(port, path, body):
    headers = request(port, path, body)[1]
    assert {name: headers[name] for name in guard.HEADERS} == guard.HEADERS
    assert "Server" not in headers


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "localhost.evil", "[::1", ""]
)
def test_another_name_of_this_machine_is_refused(port, host):
    for path, body in (("/", None), ("/answer", b"123")):
        status, headers, why = request(port, path, body, Host=host)
        assert status == 400 and why.count(b"\n") == 0 and headers["Content-Security-Policy"] == guard.POLICY


def test_its_own_names_at_any_port_are_answered(port):
    for host in (f"127.0.0.1:{port}", "localhost", "LOCALHOST:9"):
        assert request(port, "/answer", b"123", Host=host)[0] == 200


def test_what_another_page_sends_is_refused(port):
    for headers in ({"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}):
        assert refused(request(port, "/answer", b"123", **headers), 403) == "another page may not ask here"
    own = {"Origin": f"http://127.0.0.1:{port}", "Sec-Fetch-Site": "same-origin"}
    assert request(port, "/answer", b"123", **own)[0] == 200
    assert request(port, "/", Sec_Fetch_Site="cross-site")[0] == 200  # a link to the page


def test_too_many_bytes_are_refused_with_and_without_their_number(port, monkeypatch):
    monkeypatch.setattr(uploads, "LARGEST", 1000)
    assert json.loads(request(port, "/answer", b"x" * 1000)[2]) == {"bytes": 1000}
    for body in (b"x" * 1001, iter([b"x" * 600, b"x" * 600])):  # an iterator is sent in chunks
        assert "make it smaller" in refused(request(port, "/answer", body, method="POST"), 413)


def answer_to(port, words):
    """Return what comes back to some bytes, and how many seconds the connection was open."""
    begin = time.monotonic()
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(words)
        parts = []
        try:
            while part := connection.recv(65536):
                parts.append(part)
        except ConnectionResetError:
            pass
    return b"".join(parts), time.monotonic() - begin


def test_slow_clients_are_cut_off_in_the_header_and_in_the_body(port, monkeypatch):
    monkeypatch.setattr(uploads, "PATIENCE", 0.5)
    for silent in (b"", b"POST /answer HTTP/1.1\r\nHost: localhost\r\n"):
        said, seconds = answer_to(port, silent)
        assert said == b"" and 0.4 < seconds < 10
    said, seconds = answer_to(port, b"POST /answer HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n123")
    assert said.startswith(b"HTTP/1.1 408 ") and b"did not arrive within 0.5 seconds" in said and seconds < 10


def test_a_client_that_never_takes_its_answer_is_cut_off(port, monkeypatch):
    monkeypatch.setattr(uploads, "PATIENCE", 0.5)
    monkeypatch.setattr(page, "answer", lambda *_: {"much": "x" * 30_000_000})
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(b"POST /answer HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\n1")
        time.sleep(2.5)
        taken = 0
        with pytest.raises(ConnectionResetError):
            while part := connection.recv(1 << 20):
                taken += len(part)
            raise ConnectionResetError if taken < 30_000_000 else AssertionError
    assert request(port, "/answer", b"1")[0] == 200


def test_what_is_no_http_is_refused(port):
    said, _ = answer_to(port, b"\x16\x03\x01 hello\r\n\r\n")
    assert said.startswith(b"HTTP/1.1 400 ")


def test_beyond_the_places_one_is_told_to_come_again(port, monkeypatch):
    monkeypatch.setattr(desk, "PLACES", 3)
    answers = []
    waiting = [threading.Thread(target=lambda: answers.append(request(port, "/answer", b"wait"))) for _ in range(3)]
    for one in waiting:
        one.start()
    time.sleep(1)
    late = request(port, "/answer", b"123")
    page.go.set()
    for one in waiting:
        one.join()
    assert "3 pictures are waiting already" in refused(late, 503) and late[1]["Retry-After"] == page.SOON
    assert [status for status, _, _ in answers] == [200] * 3
    assert request(port, "/answer", b"123")[0] == 200
