"""Tables whose text stays text, and the order in which people sort names."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.errors import InputError, one_line


def natural_key(name: str) -> tuple:
    """Return what to sort names by: numbers by their value, letters without regard to case or accents.

    >>> sorted(["gull 10", "Gull 2", "émeu", "emeu", "1", "007"], key=natural_key)
    ['1', '007', 'emeu', 'émeu', 'Gull 2', 'gull 10']
    """
    plain = "".join(c for c in unicodedata.normalize("NFD", name) if not unicodedata.combining(c)).casefold()
    parts = re.split(r"(\d+)", plain)  # every second part is a number
    return tuple(int(part) if at % 2 else part for at, part in enumerate(parts)), name


def read_table(path: Path, numbers: Mapping[str, type], columns: Collection[str], way_out: str) -> pd.DataFrame:
    """Read a CSV file without guessing: a class called 1, 007, True or NA keeps its name.

    numbers  the columns that hold numbers, int or float; an empty float is NaN; all other columns are text
    columns  those that must be there
    way_out  what mends a file that cannot be read
    """
    try:
        table = _parse(path, dict.fromkeys(numbers, "float64"))
    except FileNotFoundError as error:
        raise InputError(f"{path}: missing; {way_out}") from error
    except (OSError, ValueError, OverflowError) as error:
        raise InputError(f"{path}: cannot be read as a table ({_reason(path, numbers, error)}); {way_out}") from error
    if missing := [name for name in columns if name not in table]:
        raise InputError(f"{path}: has no column {missing[0]!r}; {way_out}")
    if not isinstance(table.index, pd.RangeIndex):  # pandas took the first fields for names of the rows
        raise InputError(f"{path}: its rows have more fields than its header; {way_out}")
    for name in [name for name, kind in numbers.items() if kind is int and name in table]:
        broken = ~np.isfinite(table[name]) | (table[name] % 1 != 0)
        if broken.any():
            row = broken.argmax()
            raise InputError(f"{path}: row {row + 1}: {name} is no whole number, {table[name][row]:g}; {way_out}")
        table[name] = table[name].astype("int64")
    return table


def _parse(path: Path, types: Mapping[str, str]) -> pd.DataFrame:
    return pd.read_csv(
        path,
        dtype=defaultdict(lambda: "str", types),
        keep_default_na=False,
        na_values={name: [""] for name in types},
        encoding="utf-8-sig",
    )


def _reason(path: Path, numbers: Collection[str], error: Exception) -> str:
    """Say in a line why a table cannot be read: the first cell that is no number, or pandas' own words."""
    try:
        table = _parse(path, {})
    except (OSError, ValueError, OverflowError):
        return one_line(error)
    for name in [name for name in numbers if name in table]:
        wrong = table[name].ne("") & pd.to_numeric(table[name], errors="coerce").isna()
        if wrong.any():
            return f"row {wrong.argmax() + 1}: {name} is no number, {table[name].iloc[wrong.argmax()]!r:.40}"
    return one_line(error)
