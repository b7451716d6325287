"""Adding variants to the blocks of plans in params.yaml, which stays as people wrote it elsewhere."""

from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from pipeline import params
from pipeline.disk import comments
from pipeline.params import NAMED


@dataclass(frozen=True)
class Line:
    """A variant that a block is to have, and what a new block of that name trains its variants with."""

    block: str
    variant: str
    axes: dict[str, list[int]]  # seeds, scales and, on folds of the training split, folds


def add(lines: dict[str, list[Line]]) -> None:
    """Add lines to the plans of some datasets, for these alone.

    A variant that is a name of ``params.NAMED``, or n-<number>, is defined where the file does not have it yet.
    """
    if not any(lines.values()):
        return
    with params.edit() as values, growing(values["plan"]) as plans:
        for dataset, wanted in lines.items():
            for line in wanted:
                _define(values["variants"], line.variant)
                _append(plans[dataset], line)


@contextmanager
def growing(plans: Any) -> Iterator[dict[str, Any]]:
    """Yield each dataset's own blocks to be changed; who shared a plan goes on sharing it if both have grown alike.

    plans  those of params.yaml, as ``params.edit`` yields them
    """
    grown = {name: deepcopy(plans[own] if isinstance(own, str) else own) for name, own in plans.items()}
    yield grown
    for dataset, own in list(plans.items()):
        if not isinstance(own, str) or grown[dataset] != grown[own]:
            _replace(plans, dataset, grown[dataset])


def _define(variants: Any, name: str) -> None:
    if name not in variants:
        number = name.removeprefix("n-")
        variants[name] = comments.in_one_line(NAMED.get(name) or {"network.n_classifiers": int(number)})


def _append(blocks: Any, line: Line) -> None:
    if line.block in blocks:
        blocks[line.block]["variants"].append(line.variant)
    else:
        comments.append(blocks, line.block, comments.in_one_line({"variants": [line.variant], **line.axes}))


def _replace(plans: Any, dataset: str, blocks: Any) -> None:
    """Put a plan in the place of another, or of a name; a comment that follows it in the file stays behind it."""
    after = plans.ca.items.pop(dataset, None)
    plans[dataset] = blocks
    if after is not None:
        blocks.ca.items[next(reversed(blocks))] = after
