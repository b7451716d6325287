"""What is taken for a picture, and the status and the line of each refusal."""

import asyncio
import io

import pytest
from PIL import Image
from starlette.requests import ClientDisconnect

from hostile import png
from pipeline.showing import uploads
from pipeline.showing.uploads import RefusedError


class Sent:
    """A request whose body arrives in parts, with a pause before each."""

    def __init__(self, *parts, pause=0.0):
        self.parts, self.pause, self.read = parts, pause, 0

    async def stream(self):
        for part in self.parts:
            await asyncio.sleep(self.pause)
            if part is None:
                raise ClientDisconnect
            self.read += len(part)
            yield part


def receive(sent):
    return asyncio.run(uploads.receive(sent))


def refusal(status, words):
    return pytest.raises(RefusedError, match=words, check=lambda error: error.status == status)


def test_a_body_up_to_the_limit_arrives_whole(monkeypatch):
    monkeypatch.setattr(uploads, "LARGEST", 10)
    assert receive(Sent(b"12345", b"", b"67890")) == b"1234567890"


def test_a_larger_body_is_refused_and_no_more_of_it_read_than_as_much_again(monkeypatch):
    monkeypatch.setattr(uploads, "LARGEST", 10)
    with refusal(413, "more than 1e-05 MB: make it smaller"):
        receive(Sent(b"12345", b"67890", b"1"))
    endless = Sent(*[b"12345"] * 1000)
    with refusal(413, "make it smaller"):
        receive(endless)
    assert endless.read == 25


def test_an_empty_a_slow_and_a_broken_off_body_are_refused(monkeypatch):
    with refusal(400, "is empty"):
        receive(Sent(b""))
    with refusal(400, "cut off"):
        receive(Sent(b"123", None))
    monkeypatch.setattr(uploads, "PATIENCE", 0.05)
    with refusal(408, "did not arrive within 0.05 seconds"):
        receive(Sent(*[b"1"] * 100, pause=0.01))


def encoded(kind, **options):
    buffer = io.BytesIO()
    Image.new("RGB", (40, 30), "red").save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF"])
def test_pictures_of_cameras_and_browsers_are_taken(kind):
    uploads.check(encoded(kind))


@pytest.mark.parametrize(
    "content",
    [
        b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
        b"<!DOCTYPE html><html><body>404</body></html>",
        b"%PDF-1.7",
        b"MZ",
        b"\0" * 1000,
    ],
)
def test_what_is_no_picture_is_refused(content):
    with refusal(415, "no picture of a format that is taken: JPEG"):
        uploads.check(content)


@pytest.mark.parametrize("kind", ["EPS", "PPM", "ICO", "PCX", "TGA"])
def test_formats_that_no_camera_writes_are_not_decoded(kind):
    """Pillow lets EPS be drawn by Ghostscript: a program, which the picture would steer."""
    with refusal(415, "no picture of a format that is taken"):
        uploads.check(encoded(kind))


@pytest.mark.parametrize("width, height", [(10_000, 6_401), (10_000, 10_000), (50_000, 40_000), (1, 64_000_001)])
def test_a_picture_that_claims_too_many_pixels_is_refused_before_it_is_decoded(width, height):
    with refusal(413, "more than 64 million pixels: make it smaller"):
        uploads.check(png(width, height))


def test_a_picture_whose_header_is_cut_is_refused():
    with refusal(422, "damaged, or not all of it is there"):
        uploads.check(encoded("BMP")[:20])
