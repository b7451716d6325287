"""Files that are called pictures and must stop nothing."""

import struct
import zlib


def png(width, height):
    """Return the bytes of a picture that claims a size and ends within its first row."""

    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * (1 + 3 * width))[:10])


def uploads(picture):
    """Return ten bodies by what they are, each with the status that refuses it; ``picture`` is a good one, a BMP."""
    return {
        "nothing": (b"", 400),
        "a cut picture": (picture[: len(picture) // 2], 422),
        "a cut header": (picture[:20], 422),
        "two gigapixels": (png(50_000, 40_000), 413),
        "a hundred megapixels": (png(10_000, 10_000), 413),
        "a drawing": (b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>', 415),
        "a page": (b"<!DOCTYPE html><html><body><script>alert(1)</script></body></html>", 415),
        "PostScript": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n(x) run\n", 415),
        "zeros": (b"\0" * 1_000_000, 415),
        "too many bytes": (picture + b"\0" * 33_000_000, 413),
    }
