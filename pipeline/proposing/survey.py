"""What a folder of pictures holds, read by the reader that 'download' reads it with."""

import time
from dataclasses import dataclass
from pathlib import Path

from pipeline.datasets import division, folder, index, sources
from pipeline.datasets.account import Account
from pipeline.errors import InputError

SHOWN = 12  # classes that are listed one by one


@dataclass(frozen=True)
class Survey:
    """What was found."""

    classes: int
    training: int  # pictures
    test: int
    short_edge: int  # pixels, upright: half of the pictures have no less
    seconds: float  # that reading all of them took
    lines: tuple[str, ...]  # all that, and what was left out, in words


def look(source: folder.Source) -> Survey:
    """Read all pictures of a folder, as 'download' will; raise InputError for whatever would stop it."""
    account, raw, started = Account(), sources.fetch(source, Path()), time.perf_counter()
    try:
        table = sources.read(source, raw, account)
    except InputError as error:  # which speaks of a recipe that is not written yet
        raise InputError(
            str(error).replace("say 'broken: leave-out' in the recipe", "say --broken leave-out")
        ) from None
    seconds = time.perf_counter() - started
    sizes = [size for file in table.file if not isinstance(size := index.picture_size(raw, file), InputError)]
    shortest = sorted(min(size) for size in sizes)
    median = shortest[(len(shortest) - 1) // 2]
    edges = f"short edges of {shortest[0]:,} to {shortest[-1]:,} pixels, half of them {median:,} or more"
    listed = folder.listed(raw, Account())
    if source.split:
        listed = division.by_table(listed, Path(source.split), Account())
    drawn = "" if "split" in listed else _drawn(source)
    said = [*_class_lines(account), *account.lines(), edges, *filter(None, [drawn])]
    training = int((table.split == "train").sum())
    return Survey(len(account.classes), training, len(table) - training, median, seconds, tuple(said))


def _drawn(source: folder.Source) -> str:
    apart = "groups kept together" if source.split else "where series must stay together, say which: --split TABLE"
    return f"no split was given: {source.test_share:.0%} of each class, drawn, are test pictures; {apart}"


def _class_lines(account: Account) -> list[str]:
    """Say how many pictures each class has, or, of many classes, those with the fewest."""
    lines = dict(zip(account.classes, account.class_lines(), strict=True))
    if len(lines) <= SHOWN:
        return list(lines.values())
    fewest = sorted(lines, key=lambda name: sum(account.classes[name].values()))[:3]
    return [f"fewest pictures: {'; '.join(lines[name] for name in fewest)}"]
