"""Files damaged as files are: cut, flipped, swapped, saved in another encoding, edited by hand.

The damage is random, but the same in each run.
"""

import io
import random
import re

import numpy as np

ENCODINGS = ("utf-16", "utf-16-le", "utf-32", "utf-8-sig", "utf-7", "cp037", "gbk", "latin-1")
TOKENS = ["", "nan", "NaN", "inf", "-1", "1e400", "True", "null", "[]", "{}", "69,5", "'", '"', "\0", "\t", "- ", "é"]
TOKENS += ["999999999999999999999", "0x", "2024-13-45", "\ufeff", "<<<<<<< HEAD\n", "../../etc/passwd", "/etc/passwd"]
TOKENS += ["!!python/name:os.system", "&a", "*a"]


def damage_bytes(content: bytes, rng: random.Random) -> bytes:
    """Damage some bytes in one of several ways."""
    kind, data = rng.randrange(7), bytearray(content)
    one, two = sorted(rng.randrange(len(data) + 1) for _ in range(2))
    if kind == 0:
        return bytes(data[:one])
    if kind == 1 and data:
        for _ in range(rng.choice((1, 1, 3, 30))):
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        return bytes(data)
    if kind == 2:
        return bytes(data[:one] + data[two:])
    if kind == 3:
        return bytes(data[two:] + data[:two])
    if kind == 4:
        return bytes(data[:one] + bytes(two - one) + data[two:])
    return bytes(data[:one] + rng.choice(TOKENS).encode() + data[one:])


def damage_text(content: bytes, rng: random.Random) -> bytes:
    """Damage a table or another text: its fields, its lines, its encoding, or its bytes."""
    kind, text = rng.randrange(7), content.decode()
    lines = text.splitlines(keepends=True)
    one, other = (rng.randrange(len(lines)) for _ in range(2))
    if kind in (0, 1):
        return damage_bytes(content, rng)
    if kind == 2:
        return text.encode(rng.choice(ENCODINGS), errors="replace")
    if kind == 3:  # a line twice, one less, or two that change places
        lines[one], lines[other] = rng.choice([(lines[other], lines[one]), ("", lines[one]), (lines[one], lines[one])])
        return "".join(lines).encode()
    fields = re.split(r"([,:\s]+)", lines[one])
    first, second = (2 * rng.randrange(len(fields) // 2 + 1) for _ in range(2))
    if kind == 4:
        fields[first], fields[second] = fields[second], fields[first]
    elif kind == 5:
        fields[first] = rng.choice(TOKENS)
    else:  # fields too few or too many
        fields = fields[: rng.randrange(len(fields) + 1)] * rng.randrange(3)
    lines[one] = "".join(fields)
    return "".join(lines).encode()


def damage_arrays(content: bytes, rng: random.Random) -> bytes:
    """Damage an archive of arrays: its bytes, or an array is cut, repeated, of another type or another's, or none."""
    if rng.random() < 0.4:
        return damage_bytes(content, rng)
    with np.load(io.BytesIO(content)) as stored:
        arrays = dict(stored)
    name, other = rng.choice(list(arrays)), rng.choice(list(arrays))
    array = arrays[name]
    changed = [
        lambda: array[: len(array) // 2] if array.ndim else array,
        lambda: np.concatenate([array, array]) if array.ndim else array,
        lambda: (
            array.astype(rng.choice(["U8", "S8", "f4", "c8"])) if array.dtype.kind != "U" else np.arange(array.size)
        ),
        lambda: array[..., None],
        lambda: arrays[other],
        lambda: np.full_like(array, rng.choice([0, 1, -1, 99]) if array.dtype.kind != "U" else "x"),
        lambda: np.full(array.shape, rng.choice([np.nan, np.inf, -1.0, 0.5])),
        lambda: array[::-1] if array.ndim else array,
        lambda: array.ravel()[:0],
    ]
    arrays[name] = rng.choice(changed)()
    if rng.random() < 0.1:
        del arrays[name]
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()
