"""Command: begin with a folder of pictures: look at it, and write a recipe and a plan that suit it and this machine."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline import params, plan, trainings
from pipeline.datasets import apart, sources
from pipeline.disk import files, sections
from pipeline.errors import InputError
from pipeline.params import OURS, PATH, Recipe
from pipeline.proposing import machine, pace, recipe, survey
from pipeline.proposing.pace import Pace, about
from pipeline.proposing.recipe import Proposal
from pipeline.proposing.survey import Survey

SCALES = [1, 2, 3]
TEST_SHARE, SEED = 0.3, 0  # of a split that is drawn


@dataclass(frozen=True)
class Wanted:
    """What a user says beside the name and the folder."""

    small: bool  # a first look
    baseline: bool  # train the baseline too
    boxes: Path | None
    split: Path | None
    broken: str  # 'stop' or 'leave-out'


def run(name: str, folder: Path, wanted: Wanted) -> None:
    """Add a recipe and a plan to params.yaml, make the new dataset the one that is run, and say what comes next.

    Raises InputError, before anything is written, for what would stop the first stages.
    """
    start = pace.age()
    variants = [OURS, "baseline"] if wanted.baseline else [OURS]
    before = _check(name, variants)
    source = _source(name, folder, wanted)
    found = survey.look(source)
    _say(f"{folder}:", found.lines)
    here, download = machine.look(), source.model_dump(exclude_defaults=True)
    chosen, other = (recipe.propose(found, here, download, small) for small in (wanted.small, not wanted.small))
    checked, changed = (sections.check(Recipe, one.values, f"recipes.{name}.") for one in (chosen, other))
    measured = pace.measure(checked, found, start)
    _write(name, chosen, variants, found)
    plan.run([], checked=False)
    _say(f"{PATH}, recipes.{name}, for this machine:", _values(chosen))
    _say(f"{PATH}, plan.{name}, and datasets:", _plan_lines(name, variants, before))
    _say("time:", _times(measured, len(variants), found, checked, changed, wanted.small))
    _say("next:", _next(name))


def _check(name: str, variants: list[str]) -> list[str]:
    """Return the datasets that are run now; raise InputError for a name that is taken, or could be none.

    Also where params.yaml is not such that a recipe and a plan could be added.
    """
    values = params.load()
    plan.check_name(name, f"NAME {name}")
    if not isinstance(files.parse_yaml(name.encode(), "NAME"), str):
        raise InputError(f"NAME {name}: to YAML this is no text; choose a name such as data-{name}")
    for kind in ("recipes", "plan", "variants"):
        if not isinstance(values.get(kind) or {}, dict):
            raise InputError(f"{PATH}: {kind}: must be a mapping of names, got {str(values[kind])[:60]}")
    for kind in ("recipes", "plan"):
        if name in (values.get(kind) or {}):
            raise InputError(
                f"{PATH}: {kind}.{name}: is there already: choose another name, or edit it and say "
                f"'pipeline plan --datasets {name}'"
            )
    if lacking := [variant for variant in variants if variant not in (values.get("variants") or {})]:
        raise InputError(f"{PATH}: variants: there is no {lacking[0]!r}, which is to be trained; add its line")
    return trainings.checked(values["datasets"]) if values.get("datasets") else []


def _source(name: str, folder: Path, wanted: Wanted) -> Any:
    """Check the section 'download': its paths are there, and lie where no stage of the new dataset deletes."""
    if not folder.is_dir():
        raise InputError(f"{folder}: there is no such folder; name one that holds a folder of pictures for each class")
    values = {"reader": "folder", "root": _path(folder), "test_share": TEST_SHARE, "seed": SEED, "boxes": None}
    values |= {"boxes": _path(wanted.boxes)} if wanted.boxes else {}
    values |= {"split": _path(wanted.split)} if wanted.split else {}
    source = sources.check(name, values | {"broken": wanted.broken})
    for path in sources.files(source):
        apart.keep_apart(f"NAME {name}", path, [f"data/{name}"])
    return source


def _path(path: Path) -> str:
    """Spell a path for the recipe: below the project from there, so that both can move; else from the root on."""
    whole = Path(os.path.abspath(path))  # noqa: PTH100  (links stay: they may be how a user names a disk that moves)
    return str(whole.relative_to(Path.cwd()) if whole.is_relative_to(Path.cwd()) else whole)


def _write(name: str, chosen: Proposal, variants: list[str], found: Survey) -> None:
    """Put the recipe and the plan before all others in params.yaml, each value with its reason."""
    from ruamel.yaml.comments import CommentedMap
    from ruamel.yaml.error import CommentMark
    from ruamel.yaml.tokens import CommentToken

    spelled = CommentedMap({section: CommentedMap(values) for section, values in chosen.values.items()})
    for section in ("prepare", "attend"):
        spelled[section].fa.set_flow_style()
    for field, reason in chosen.reasons.items():
        section, _, key = field.partition(".")
        if not spelled[section].fa.flow_style():
            spelled[section].yaml_add_eol_comment(reason, key, column=0)
    spelled.ca.items["attend"] = [None, None, CommentToken("\n\n", CommentMark(0), None), None]  # an empty line
    main = CommentedMap({"variants": variants, "seeds": [0], "scales": SCALES})
    main.fa.set_flow_style()
    with params.edit() as values:
        for kind, value in (("recipes", spelled), ("plan", CommentedMap({"main": main}))):
            if not values.get(kind):
                values[kind] = CommentedMap()
            values[kind].insert(0, name, value)
        pictures = f"{found.classes:,} classes, {found.training:,} training and {found.test:,} test pictures"
        values["recipes"].yaml_add_eol_comment(f"by 'pipeline new': {pictures}", name, column=0)
        values["datasets"] = [name]


def _values(chosen: Proposal) -> Iterator[str]:
    """Yield the values that depend on the pictures or the machine, each with its reason."""
    for field, reason in chosen.reasons.items():
        section, _, key = field.partition(".")
        value = chosen.values[section][key]
        yield f"{field} {'null' if value is None else value}: {reason}"


def _plan_lines(name: str, variants: list[str], before: list[str]) -> Iterator[str]:
    scales = f"scales {SCALES[0]} to {SCALES[-1]}, seed 0"
    if len(variants) == 1:
        yield f"the method alone, {scales} (with --baseline it would be compared with plain max pooling)"
    else:
        yield f"the method and, to compare, plain max pooling, {scales}"
    if others := [dataset for dataset in before if dataset != name]:
        names = ",".join(others)
        yield (
            f"'dvc repro' now runs {name} alone; what {names} has stays as it is, and "
            f"'pipeline plan --datasets {names},{name}' runs both"
        )


def _times(measured: Pace, n: int, found: Survey, checked: Recipe, other: Recipe, small: bool) -> Iterator[str]:
    """Yield how long it takes, how that is known, and what the other size would take."""
    seconds, instead = (measured.seconds(one, found, n * len(SCALES), len(SCALES) - 1) for one in (checked, other))
    rate = 1 / (measured.pixel * checked.train.crop**2)
    yield (
        f"about {about(seconds)} here: {n * len(SCALES)} trainings of {checked.train.epochs} epochs at {rate:.1f} "
        "pictures a second, by a few steps that were timed just now"
    )
    if (load := os.getloadavg()[0]) > (os.cpu_count() or 1):
        yield f"the machine is busy with other things (load {load:.1f}): alone it would take less"
    sizes = f"{other.prepare.short_edge} pixels, {other.train.epochs} epochs"
    which = "without --small" if small else "with --small, for a first look,"
    yield f"{which} about {about(instead)} ({sizes}); give it another name"


def _next(name: str) -> Iterator[str]:
    yield "dvc repro (or 'pipeline repro'; either goes on where it was stopped)"
    yield f"look at reports/{name}/index.html"
    yield f"pipeline predict NEW-PICTURES --model runs/{name}/model"


def _say(title: str, lines: Any) -> None:
    print("\n".join([title, *(f"  {line}" for line in lines)]), flush=True)
