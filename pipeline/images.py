"""Pictures as files: decoded to RGB whatever they are, brought to the shape that a scale reads, saved."""

import io

import numpy as np
from PIL import Image, ImageOps

from pipeline.errors import InputError
from pipeline.params import CELL

LONGEST = 4  # a picture longer than this many short edges is squeezed: one freak must not set the memory needed
QUALITY = 95  # of the JPEGs that scales read; at 95 without chroma subsampling the loss is below the camera's


def open_rgb(content: bytes, name: str) -> Image.Image:
    """Decode a picture to RGB, upright: grayscale, palette, CMYK, 16 bits and alpha (over white) included.

    Raises InputError, with its ``name``, for what is no picture or is cut short.
    """
    try:
        with Image.open(io.BytesIO(content)) as image:
            image.load()
            return _to_rgb(ImageOps.exif_transpose(image))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise InputError(f"{name}: cannot be decoded ({error}); replace it or take it out of the dataset") from error


def fit(width: int, height: int, size: int) -> tuple[int, int]:
    """Return the width and height at which a picture is read: short edge ``size``, long edge in whole cells.

    >>> fit(500, 333, size=448), fit(100, 100, size=448), fit(1, 900, size=448)
    ((672, 448), (448, 448), (448, 1792))
    """
    short = min(width, height)

    def side(pixels: int) -> int:
        return min(max(round(pixels / short * size / CELL) * CELL, size), LONGEST * size)

    return (size, side(height)) if width == short else (side(width), size)


def cut(image: Image.Image, box: tuple[float, float, float, float], size: int) -> Image.Image:
    """Cut a box (shares of the picture's sides) and zoom it to the shape that ``fit`` gives, in one resampling."""
    corners = tuple(round(share * side) for share, side in zip(box, image.size * 2, strict=True))
    x0, y0 = min(corners[0], image.width - 1), min(corners[1], image.height - 1)
    x1, y1 = max(corners[2], x0 + 1), max(corners[3], y0 + 1)
    shape = fit(x1 - x0, y1 - y0, size)
    return image.resize(shape, Image.Resampling.BICUBIC, box=(x0, y0, x1, y1), reducing_gap=3)


def to_jpeg(image: Image.Image) -> bytes:
    """Return the picture as a JPEG file's bytes."""
    buffer = io.BytesIO()
    image.save(buffer, format="JPEG", quality=QUALITY, subsampling=0)
    return buffer.getvalue()


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith(("I", "F")):  # 16 bits and more
        return Image.fromarray(_to_bytes(np.asarray(image))).convert("RGB")
    if image.has_transparency_data:
        white = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(white, image.convert("RGBA")).convert("RGB")
    return image.convert("RGB")


def _to_bytes(pixels: np.ndarray) -> np.ndarray:
    """Bring 16-bit values, or whatever range a float picture has, to 0..255."""
    pixels = pixels.astype(np.float64)
    top = 65535.0 if pixels.max() <= 65535 and pixels.min() >= 0 and pixels.max() > 255 else max(pixels.max(), 1.0)
    return np.clip(pixels / top * 255, 0, 255).astype(np.uint8)
