"""Names as people sort them."""

import re


def natural_key(name: str) -> list[tuple[bool, int, str]]:
    """Sort numbers in names by their value: use it as the ``key`` of ``sorted``.

    >>> sorted(["model 10", "model 2", "2", "Audi"], key=natural_key)
    ['2', 'Audi', 'model 2', 'model 10']
    """
    parts = [(digits.lstrip("0"), text) for digits, text in re.findall(r"([0-9]+)|([^0-9]+)", name)]
    return [(bool(text), len(digits), text or digits) for digits, text in parts] + [(False, -1, name)]
