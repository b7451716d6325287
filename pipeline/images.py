"""Pixels: decode a picture of any kind to RGB, cut it, zoom it to the shape that a scale reads, and encode it."""

import io
import os
import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import numpy as np
import pandas as pd
from PIL import Image, ImageFile

from pipeline.disk import files
from pipeline.disk.imageset import CELL
from pipeline.disk.pack import Pack
from pipeline.errors import InputError, one_line

LONGEST = 4  # cap on the aspect ratio (a longer picture is squeezed), so that one extreme picture cannot exhaust memory
NOT_DECODED = {"EPS", "MPEG"}  # Pillow knows them and does not decode them itself: Ghostscript would run an EPS file
HEIF = {".heic", ".heif", ".hif"}  # what phones write; Pillow decodes them with the package pillow-heif
ORIENTATION = 0x0112  # EXIF's number for how a camera was held
TURNS = {  # its values, and what sets such a picture upright
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
SIDEWAYS = {TURNS[5], TURNS[6], TURNS[7], TURNS[8]}  # width becomes height
BITS = (1, 8, 10, 12, 14, 16)  # of a picture's values; 1 is for floats from 0 to 1
POINTER = b"version https://git-lfs"  # how a file begins that Git LFS has not fetched
# What Pillow's decoders raise at damaged bytes, besides the errors that it documents.
DAMAGED = (
    *(OSError, SyntaxError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RuntimeError),
    *(AssertionError, MemoryError, struct.error, zlib.error),
)
NAMED = 10  # damaged pictures that an error names; all are printed
RESAMPLING, REDUCING_GAP = Image.Resampling.BICUBIC, 3
QUALITY = 95  # of the JPEGs that scales read: so they lose less than the camera's did
SUBSAMPLING = 0  # none: colours as fine as brightness


@cache
def suffixes() -> frozenset[str]:
    """Return the suffixes of the formats that can be decoded here, HEIF among them if pillow-heif is installed."""
    Image.init()
    try:
        import pillow_heif
    except ImportError:
        pass
    else:
        pillow_heif.register_heif_opener()
    return frozenset(suffix for suffix, name in Image.registered_extensions().items() if _decodes(name))


def cut_all(index: pd.DataFrame, pictures: Pack, crops: np.ndarray, short_edge: int) -> Iterator[tuple[bytes, list]]:
    """Cut and zoom every image from its original, so that zooming adds real detail.

    index     a row an image; ``file`` names its original
    pictures  the originals
    crops     (N, 4)  boxes in the originals, as shares of their sides
    ->        for each row the JPEG and the values of ``imageset.ADDED``

    Raises InputError for the originals that cannot be decoded, all of them at once, or for a damaged pack.
    """

    def one(file: str, crop: list[float]) -> tuple[bytes, list] | InputError:
        content = pictures.read(file)
        try:
            original = open_rgb(content, f"{pictures.path}: {file}")
        except InputError as error:
            return error
        jpeg, size = prepare(original, crop, short_edge)
        return jpeg, [*original.size, *crop, *size, files.digest(jpeg)]

    bad = []
    for result in in_threads(one, list(zip(index.file, crops.tolist(), strict=True))):
        if isinstance(result, InputError):
            bad.append(result)
        elif not bad:
            yield result
    if bad:
        raise all_of(bad)


def all_of(errors: list[InputError]) -> InputError:
    """Return one error for all that was said of several pictures; print them where there is more than one."""
    if len(errors) == 1:
        return errors[0]
    print("\n".join(map(str, errors)))
    names = [str(error).partition(": cannot be decoded")[0] for error in errors]
    more = f" and {len(names) - NAMED:,} more, all named above" if len(names) > NAMED else ""
    return InputError(
        f"{len(names):,} pictures cannot be decoded, for the reasons above: {', '.join(names[:NAMED])}{more}; replace "
        "them or take them out of the dataset"
    )


def open_rgb(content: bytes, name: str) -> Image.Image:
    """Decode a picture to upright RGB: also grayscale, palette, CMYK, 16-bit and transparent ones (on white).

    Raises InputError, which gives ``name``, if the content is no picture or is truncated.
    """
    suffixes()
    try:
        with Image.open(io.BytesIO(content), formats=[name for name in Image.ID if name not in NOT_DECODED]) as image:
            halved = ";16" in str(image.tile)  # Pillow keeps 8 of the 16 bits of a colour
            image.load()
            upright = _flatten(_upright(image))
    except Image.DecompressionBombError as error:
        reason = f"it has more than {2 * Image.MAX_IMAGE_PIXELS / 1e6:.0f} million pixels"
        raise InputError(f"{name}: cannot be decoded ({reason}); make it smaller or take it out") from error
    except DAMAGED as error:
        reason = _reason(content, error)
        raise InputError(f"{name}: cannot be decoded ({reason}); replace it or take it out") from error
    if upright.mode == "RGB":
        return _brighten(upright) if halved else upright
    return Image.fromarray(_to_bytes(np.asarray(upright))).convert("RGB")


def upright_size(image: Image.Image) -> tuple[int, int]:
    """Return the width and height of an opened picture when it is set upright; its pixels are not decoded."""
    if image.format == "TIFF":  # Pillow sets these upright itself
        return image.size
    return image.size[::-1] if _turn(image) in SIDEWAYS else image.size


def fit(width: int, height: int, size: int) -> tuple[int, int]:
    """Return the width and height at which a picture is read: short edge ``size``, long edge in whole cells.

    >>> fit(500, 333, size=448), fit(100, 100, size=448), fit(1, 900, size=448)
    ((672, 448), (448, 448), (448, 1792))
    """
    short = min(width, height)

    def side(pixels: int) -> int:
        return min(max(round(pixels / short * size / CELL) * CELL, size), LONGEST * size)

    return (size, side(height)) if width == short else (side(width), size)


def prepare(original: Image.Image, box: Sequence[float], size: int) -> tuple[bytes, tuple[int, int]]:
    """Cut, zoom and encode what a scale reads: the JPEG, a part of the model, and its width and height."""
    prepared = cut(original, box, size)
    return to_jpeg(prepared), prepared.size


def cut(image: Image.Image, box: Sequence[float], size: int) -> Image.Image:
    """Cut a box (shares of the picture's sides) and zoom it to the shape that ``fit`` gives, in one resampling."""
    x0, y0, x1, y1 = to_pixels(box, *image.size)
    shape = fit(x1 - x0, y1 - y0, size)
    return image.resize(shape, RESAMPLING, box=(x0, y0, x1, y1), reducing_gap=REDUCING_GAP)


def to_pixels(box: Sequence[float], width: int, height: int) -> tuple[int, int, int, int]:
    """Return a box, shares of a picture's sides, in whole pixels: x0, y0, x1, y1, at least one pixel wide and high.

    >>> to_pixels((0.25, 0, 1, 0.001), 400, 300)
    (100, 0, 400, 1)
    """
    corners = tuple(round(share * side) for share, side in zip(box, (width, height) * 2, strict=True))
    x0, y0 = min(corners[0], width - 1), min(corners[1], height - 1)
    return x0, y0, max(corners[2], x0 + 1), max(corners[3], y0 + 1)


def to_jpeg(image: Image.Image) -> bytes:
    """Return the picture as a JPEG file's bytes."""
    buffer = io.BytesIO()
    image.save(buffer, format="JPEG", quality=QUALITY, subsampling=SUBSAMPLING)
    return buffer.getvalue()


def in_threads(work: Callable, tasks: list[tuple]) -> Iterator:
    """Run the tasks in threads and yield their results in order. Pillow releases the GIL, so threads use all cores."""
    workers = os.cpu_count() or 1
    with ThreadPoolExecutor(workers) as pool:
        for start in range(0, len(tasks), 16 * workers):  # in groups: results stay in memory until written
            yield from pool.map(work, *zip(*tasks[start : start + 16 * workers], strict=True))


def _decodes(name: str) -> bool:
    """Say whether Pillow decodes a format by itself; some it only recognises, some it only writes."""
    if name == "MPO":  # opened as JPEG
        return True
    factory = Image.OPEN.get(name, (None,))[0]
    stub = isinstance(factory, type) and issubclass(factory, ImageFile.StubImageFile)
    return factory is not None and not stub and name not in NOT_DECODED


def _reason(content: bytes, error: Exception) -> str:
    if content.startswith(POINTER):
        return "it is a pointer of Git LFS, not the picture: 'git lfs pull' fetches it"
    if not content:
        return "it is empty"
    if isinstance(error, MemoryError):
        return "there is not enough memory for it, or its header is damaged"
    text = one_line(error)
    if isinstance(error, Image.UnidentifiedImageError):
        return "its content is no picture of a format that Pillow reads"
    return text if isinstance(error, OSError | SyntaxError | ValueError) else f"damaged: {type(error).__name__} {text}"


def _upright(image: Image.Image) -> Image.Image:
    return image if (turn := _turn(image)) is None else image.transpose(turn)


def _turn(image: Image.Image) -> Image.Transpose | None:
    """Return how to set a photo upright, by its EXIF data; where they are damaged it is left as it is."""
    try:
        return TURNS.get(image.getexif().get(ORIENTATION))
    except DAMAGED:
        return None


def _flatten(image: Image.Image) -> Image.Image:
    """Return a picture as RGB; one with more than 8 bits a value, or of floats, as it is."""
    if image.mode.startswith(("I", "F")):
        return image
    if image.has_transparency_data:
        white = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(white, image.convert("RGBA")).convert("RGB")
    return image.convert("RGB")


def _brighten(image: Image.Image) -> Image.Image:
    """Use all 8 bits for a picture of which Pillow has kept the upper 8 of 16, and a camera has filled fewer."""
    highest = max(high for _, high in image.getextrema())
    white = next((2 ** (bits - 8) - 1 for bits in BITS if bits > 8 and highest < 2 ** (bits - 8)), 255)
    return image if white == 255 else image.point(lambda value: min(value * 255 // white, 255))


def _to_bytes(pixels: np.ndarray) -> np.ndarray:
    """Scale the values of a picture with more than 8 bits, or of a float picture, to 0..255; what is no number is 0.

    White is the highest value of the fewest bits that hold the picture: a 12-bit camera's file has 16 bits and values
    up to 4095.

    >>> _to_bytes(np.array([0, 4095])), _to_bytes(np.array([0.0, 0.5, np.nan]))
    (array([  0, 255], dtype=uint8), array([  0, 127,   0], dtype=uint8))
    """
    pixels = pixels.astype(np.float64)
    finite = pixels[np.isfinite(pixels)]
    low, high = min(finite.min(initial=0), 0), finite.max(initial=0)
    pixels, high = np.nan_to_num(pixels, nan=low, posinf=high, neginf=low) - low, high - low
    white = next((2.0**bits - 1 for bits in BITS if high < 2**bits), high)
    return np.clip(pixels / white * 255, 0, 255).astype(np.uint8)
