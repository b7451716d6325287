"""The graph of stages as DVC sees it, and which of them DVC calls out of date."""

import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

from pipeline.errors import InputError, one_line


@dataclass(frozen=True)
class Stage:
    """A stage of dvc.yaml.

    name     as 'dvc repro' takes it
    command  its cmd, or '' for a file that DVC tracks alone
    needs    names of the stages whose outputs it reads
    alone    it measures time ('meta: {alone: true}' in dvc.yaml), so that nothing may run beside it
    """

    name: str
    command: str
    needs: frozenset[str]
    alone: bool = False


def read(
    targets: list[str], only: bool = False, instead: Mapping[Path, str] | None = None
) -> tuple[dict[str, Stage], set[str]]:
    """Return the stages that the targets need, in DVC's order (all stages without targets), and those out of date.

    only     return the targets alone, not what they need
    instead  texts that DVC is to find in some YAML files in the place of what these hold

    A stage below one that is out of date is not judged, and not among the latter: what DVC says of it depends on what
    the other will write. Raises InputError where DVC cannot read its files or knows no such stage.
    """
    from dvc.exceptions import DvcException
    from dvc.repo import Repo, lock_repo
    from dvc.repo.reproduce import get_active_graph, plan_repro

    try:
        with Repo(fs=_files(instead or {}), _wait_for_lock=True) as repo, lock_repo(repo):
            wanted = [stage for target in targets for stage in repo.stage.collect(target)]
            graph = get_active_graph(repo.index.graph)
            order = [stage for stage in plan_repro(graph, wanted) if not only or stage in wanted]
            stages = {stage.addressing: _describe(stage, graph.successors(stage)) for stage in order}
            return stages, _out_of_date(order, stages)
    except (DvcException, sqlite3.Error, OSError) as error:  # a full or damaged disk among them
        raise InputError(f"dvc: {one_line(error, 300)}") from error


def _files(instead: Mapping[Path, str]) -> Any:
    """Return the disk as DVC sees it, but for the texts of some files."""
    from dvc.fs import LocalFileSystem

    texts = {path.absolute(): text for path, text in instead.items()}

    class Files(LocalFileSystem):
        def open(self, path: Any, mode: str = "r", **options: Any) -> Any:
            text = texts.get(Path(path).absolute())
            if text is None or "b" in mode:  # a file's own digest, which DVC keeps: it must stay the file's
                return super().open(path, mode, **options)
            return StringIO(text)

    return Files() if texts else None


def _describe(stage: object, needs: Iterable) -> Stage:
    meta = stage.meta if isinstance(stage.meta, dict) else {}
    names = frozenset(other.addressing for other in needs)
    return Stage(stage.addressing, str(stage.cmd or ""), names, bool(meta.get("alone")))


def _out_of_date(order: list, stages: dict[str, Stage]) -> set[str]:
    found: set[str] = set()
    below: set[str] = set()
    for stage in order:
        name = stage.addressing
        if stages[name].needs & (found | below):
            below.add(name)
        elif not stage.frozen and stage.changed():
            found.add(name)
    return found


def below(stages: dict[str, Stage], names: set[str]) -> set[str]:
    """Return all stages that need one of some stages, directly or not."""
    found = set(names)
    for name, stage in stages.items():  # in DVC's order: what a stage needs stands before it
        if stage.needs & found:
            found.add(name)
    return found - names


def path_lengths(stages: dict[str, Stage], seconds: dict[str, float]) -> dict[str, float]:
    """Return for each stage the seconds from its start to the end of the longest chain of stages that need it.

    >>> chain = {"a": Stage("a", "", frozenset()), "b": Stage("b", "", frozenset("a"))}
    >>> path_lengths(chain, {"a": 2, "b": 3})
    {'a': 5, 'b': 3}
    """
    lengths = {name: seconds.get(name, 0) for name in stages}
    for name in reversed(stages):
        for other in stages[name].needs & lengths.keys():
            lengths[other] = max(lengths[other], seconds.get(other, 0) + lengths[name])
    return lengths


def critical_path(stages: dict[str, Stage], seconds: dict[str, float]) -> list[str]:
    """Return the chain of stages that takes longest, from the first to the last."""
    lengths = path_lengths(stages, seconds)
    chain: list[str] = []
    following = set(stages)
    while following:
        chain.append(max(following, key=lengths.__getitem__))
        following = {name for name, stage in stages.items() if chain[-1] in stage.needs}
    return chain
