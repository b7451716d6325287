"""The rules of the house, so that nobody has to remember them."""

import ast
import re
from pathlib import Path

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[1]
MODULES = sorted(path for room in ("model", "pipeline") for path in (ROOT / room).rglob("*.py"))
STAGES = YAML(typ="safe").load(ROOT / "dvc.yaml")["stages"]
MODULE_OF = {name: re.search(r"\bpipeline (?:launch )?(\w+) \$", stage["cmd"])[1] for name, stage in STAGES.items()}
STAGE_MODULES = set(MODULE_OF.values())

# They decide whether a stage runs and who hears of it, not what it writes: values are tracked as params.
NOT_DEPS = {
    "pipeline/errors.py",
    "pipeline/params.py",
    "pipeline/tracking.py",
    "pipeline/unsent.py",
    "pipeline/__init__.py",
    "model/__init__.py",
}


def ours(path):
    """List the project's modules that a module imports, as paths."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        for name in names:
            base = ROOT / name.replace(".", "/")
            yield from (file for file in (base.with_suffix(".py"), base / "__init__.py") if file.exists())


def closure(path):
    found, todo = set(), [path]
    while todo:
        file = todo.pop()
        name = file.relative_to(ROOT).as_posix()
        if file not in found and name not in NOT_DEPS:
            found.add(file)
            todo += ours(file)
    return {file.relative_to(ROOT).as_posix() for file in found}


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_files_and_functions_fit_on_screens(path):
    source = path.read_text()
    assert source.count("\n") <= 250
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            assert not body or body[-1].end_lineno - body[0].lineno < 40, f"{node.name} is too long"


def test_rooms_without_code():
    assert not [path for room in ("data", "runs", "reports") for path in (ROOT / room).rglob("*.py")]
    assert not list((ROOT / "tests").rglob("__init__.py"))


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_module_has_its_test(path):
    module = path.relative_to(ROOT)
    if path.name not in ("__init__.py", "__main__.py", "errors.py"):
        assert (ROOT / "tests" / module.parent / f"test_{module.name}").is_file()


def test_every_test_has_its_module():
    for room in ("model", "pipeline"):
        for test in (ROOT / "tests" / room).rglob("test_*.py"):
            module = test.relative_to(ROOT / "tests")
            assert (ROOT / module.parent / module.name.removeprefix("test_")).is_file(), f"{module} tests nothing"


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_depends_on_exactly_the_code_that_decides_what_it_writes(name):
    declared = {dep for dep in STAGES[name]["deps"] if dep.endswith(".py")}
    assert declared == closure(ROOT / "pipeline" / f"{MODULE_OF[name]}.py")


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_runs_the_command_of_its_name(name):
    assert MODULE_OF[name] == {"repeat": "vary"}.get(name, name.split("-")[0])
    assert STAGES[name]["cmd"].startswith("pipeline launch ") == (MODULE_OF[name] in ("train", "attend", "vary"))


@pytest.mark.parametrize("name", sorted(STAGE_MODULES))
def test_stages_meet_on_disk(name):
    imported = {path.stem for path in ours(ROOT / "pipeline" / f"{name}.py") if path.parent.name == "pipeline"}
    assert not imported & STAGE_MODULES


def test_only_params_reads_params_yaml():
    readers = {path.name for path in MODULES if '"params.yaml"' in path.read_text()}
    assert readers == {"params.py"}
