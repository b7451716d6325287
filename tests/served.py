"""The server of 'pipeline show' in a thread of the test, and requests to it."""

import http.client
import threading
from contextlib import contextmanager

from pipeline import show


@contextmanager
def served(app):
    """Serve an application on a free port of loopback."""
    with show.listen(0) as waiting:
        server = show.make_server(app)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [waiting]})
        thread.start()
        try:
            yield waiting.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join()


def request(port, path, body=None, method=None, **headers):
    """Return the status, the headers and the body of an answer; a body is sent by POST."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method or ("GET" if body is None else "POST"), path, body, named)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()
