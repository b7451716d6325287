"""What the page takes for a picture; all else is refused in one line, with the status that HTTP has for it."""

import asyncio
import io
import warnings

from fastapi import Request
from PIL import Image
from starlette.requests import ClientDisconnect

from pipeline import images
from pipeline.errors import InputError

LARGEST = 32_000_000  # bytes of an upload
PATIENCE = 10  # seconds in which a client must have sent its request, or taken its answer
PIXELS = 64_000_000  # of a picture: decoding takes up to 16 bytes for each
# What cameras and browsers write: of Pillow's many decoders a page open to whatever is dropped on it needs no more.
FORMATS = ("JPEG", "MPO", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "HEIF")


class RefusedError(Exception):
    """A request that is not answered: an HTTP status and one line that says why."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


async def receive(request: Request) -> bytes:
    """Return the body of a request; raise RefusedError where it is too large, too slow, empty or cut off.

    No more than LARGEST is held, whatever the client says of the length. Of a larger body as much again is read and
    dropped, because a client that is still sending would not see the answer.
    """
    content, size = bytearray(), 0
    try:
        async with asyncio.timeout(PATIENCE):
            async for chunk in request.stream():
                size += len(chunk)
                if size <= LARGEST:
                    content += chunk
                elif size > 2 * LARGEST:
                    break
    except TimeoutError:
        if size <= LARGEST:
            raise RefusedError(408, f"the picture did not arrive within {PATIENCE:g} seconds") from None
    except ClientDisconnect:
        raise RefusedError(400, "the picture was cut off") from None
    if size > LARGEST:
        raise RefusedError(413, f"the picture has more than {LARGEST / 1e6:g} MB: make it smaller")
    if not content:
        raise RefusedError(400, "the picture is empty: it has no bytes")
    return bytes(content)


def check(content: bytes) -> None:
    """Raise RefusedError where bytes are of another format than FORMATS, or claim too many pixels; decode none."""
    images.suffixes()  # registers HEIF where there is a decoder for it
    too_many = RefusedError(413, f"the picture has more than {PIXELS / 1e6:g} million pixels: make it smaller")
    known = [name for name in FORMATS if name in Image.OPEN]
    try:
        with (
            warnings.catch_warnings(action="error", category=Image.DecompressionBombWarning),
            Image.open(io.BytesIO(content), formats=known) as image,
        ):
            width, height = image.size
    except Image.UnidentifiedImageError:
        raise RefusedError(415, f"this is no picture of a format that is taken: {', '.join(known)}") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):  # of more pixels than PIXELS
        raise too_many from None
    except images.DAMAGED:
        raise RefusedError(422, "the picture is damaged, or not all of it is there") from None
    if width * height > PIXELS:
        raise too_many


def reason(error: InputError) -> str:
    """Return what ``images.open_rgb`` said of a picture, without its way out, which is for files in a folder.

    >>> reason(InputError("picture: cannot be decoded (it is empty); replace it or take it out"))
    'the picture cannot be decoded (it is empty)'
    """
    return f"the picture {str(error).removeprefix('picture: ').rpartition('; ')[0]}"
