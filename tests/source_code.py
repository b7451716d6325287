"""The project's own source, as its tests read it."""

import ast
import functools

import networkx
from ruamel.yaml import YAML

from conftest import ROOT

MODULES = sorted(path for package in ("model", "pipeline") for path in (ROOT / package).rglob("*.py"))
IDS = [path.relative_to(ROOT).as_posix() for path in MODULES]
STAGES = YAML(typ="safe").load(ROOT / "dvc.yaml")["stages"]


def imports(tree):
    """List the project's modules that some code imports, also inside functions, as paths."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names] + [node.module]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        for name in names:
            base = ROOT / name.replace(".", "/")
            found = [file for file in (base.with_suffix(".py"), base / "__init__.py") if file.exists()]
            yield from (file for file in found if file.parents[1] != ROOT or file.name != "__init__.py")


def parse(path):
    return ast.parse(path.read_text(encoding="utf-8"))


@functools.cache
def graph():
    """Arrows from a module to what it imports; a package's own __init__ comes with each of its modules."""
    arrows = networkx.DiGraph()
    for path in MODULES:
        arrows.add_node(path)
        arrows.add_edges_from((path, other) for other in imports(parse(path)) if other != path)
    return arrows
