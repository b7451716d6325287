"""Pixels: decode a picture of any kind to RGB, cut it, zoom it to the shape that a scale reads, and encode it."""

import io
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
from PIL import Image, ImageOps

from pipeline.disk import files
from pipeline.disk.imageset import CELL
from pipeline.disk.pack import Pack
from pipeline.errors import InputError

LONGEST = 4  # cap on the aspect ratio (a longer picture is squeezed), so that one extreme picture cannot exhaust memory
QUALITY = 95  # of the JPEGs that scales read; at 95 without chroma subsampling they lose less than the camera's did


def cut_all(index: pd.DataFrame, pictures: Pack, crops: np.ndarray, short_edge: int) -> Iterator[tuple[bytes, list]]:
    """Cut and zoom every image from its original, so that zooming adds real detail.

    index     a row an image; ``file`` names its original
    pictures  the originals
    crops     (N, 4)  boxes in the originals, as shares of their sides
    ->        for each row the JPEG and the values of ``imageset.ADDED``
    """

    def one(file: str, crop: list[float]) -> tuple[bytes, list]:
        original = open_rgb(pictures.read(file), f"{pictures.path}: {file}")
        prepared = cut(original, crop, short_edge)
        jpeg = to_jpeg(prepared)
        return jpeg, [*original.size, *crop, *prepared.size, files.digest(jpeg)]

    return _in_threads(one, list(zip(index.file, crops.tolist(), strict=True)))


def open_rgb(content: bytes, name: str) -> Image.Image:
    """Decode a picture to upright RGB: also grayscale, palette, CMYK, 16-bit and transparent ones (on white).

    Raises InputError, which gives ``name``, if the content is no picture or is truncated.
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


def _in_threads(work: Callable, tasks: list[tuple]) -> Iterator:
    """Run the tasks in threads and yield their results in order. Pillow releases the GIL, so threads use all cores."""
    workers = os.cpu_count() or 1
    with ThreadPoolExecutor(workers) as pool:
        for start in range(0, len(tasks), 16 * workers):  # in groups: results stay in memory until written
            yield from pool.map(work, *zip(*tasks[start : start + 16 * workers], strict=True))


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith(("I", "F")):  # 16 bits and more
        return Image.fromarray(_to_bytes(np.asarray(image))).convert("RGB")
    if image.has_transparency_data:
        white = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(white, image.convert("RGBA")).convert("RGB")
    return image.convert("RGB")


def _to_bytes(pixels: np.ndarray) -> np.ndarray:
    """Scale 16-bit values, or the values of a float picture, to 0..255."""
    pixels = pixels.astype(np.float64)
    top = 65535.0 if pixels.max() <= 65535 and pixels.min() >= 0 and pixels.max() > 255 else max(pixels.max(), 1.0)
    return np.clip(pixels / top * 255, 0, 255).astype(np.uint8)
