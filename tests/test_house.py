"""The rules of the house, so that nobody has to remember them."""

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import networkx
import pytest
from ruamel.yaml import YAML

import command_line
from conftest import ROOT
from pipeline.training import checkpoint

MODULES = sorted(path for package in ("model", "pipeline") for path in (ROOT / package).rglob("*.py"))
IDS = [path.relative_to(ROOT).as_posix() for path in MODULES]
STAGES = YAML(typ="safe").load(ROOT / "dvc.yaml")["stages"]
COMMANDS = ("ablate", "check", "launch")
ENTRIES = ("__init__", "__main__", "typer_command")
IGNORED = {"model/boxes.py"}  # by DVC, as a part of its folder

# Who may import whom: downwards only. A room is a folder of tools, or a file beside them.
TOOLS = {"datasets", "training", "reporting", "tracking", "overlay"}
MAY_IMPORT = {
    "model": set(),
    "errors": set(),
    "disk": {"errors"},
    "images": {"disk", "errors"},
    "params": {"disk", "errors"},
    "trainings": {"params", "disk", "errors"},
    "plan": {"trainings", "datasets", "params", "disk", "errors"},
    "overlay": set(),
    "datasets": {"params", "images", "disk", "errors"},
    "training": {"params", "disk", "errors", "model"},
    "reporting": {"overlay", "params", "disk", "errors"},
    "tracking": {"params", "disk", "errors"},
    "stages": TOOLS | {"trainings", "params", "images", "disk", "errors", "model"},
    "commands": {"reporting", "tracking", "plan", "trainings", "params", "disk", "errors"},
    "cli": TOOLS | {"stages", "commands", "plan", "trainings", "params", "disk", "errors"},
    "entries": {"cli"},
}

# They decide whether a stage runs and who hears of it, not what it writes.
NOT_DEPS = {
    "pipeline/cli.py": "hands the words of the command, which DVC compares, to the stage",
    "pipeline/launch.py": "decides in how many processes a stage runs; its results do not depend on that",
    "pipeline/errors.py": "words for the user",
    "pipeline/tracking/run.py": "what MLflow gets is no output",
    "pipeline/tracking/mlflow_store.py": "the same",
    "pipeline/tracking/outbox.py": "the same",
}

# Files inside a folder that a stage names, which it does not use: the price of naming folders.
NAMED_AND_NOT_USED = {
    "plan": {"pipeline/disk/locks.py", "pipeline/disk/predictions.py"},
    "weights": {f"pipeline/disk/{name}.py" for name in ("cells", "locks", "predictions")},
    "download": {f"pipeline/disk/{name}.py" for name in ("cells", "locks", "predictions")},
    "prepare": {f"pipeline/disk/{name}.py" for name in ("cells", "locks", "predictions")},
    "crop": {"pipeline/disk/cells.py", "pipeline/disk/locks.py"},
    "measure": {"pipeline/disk/cells.py", "pipeline/training/trained.py"},
    "report": {"pipeline/reporting/bootstrap.py", "pipeline/reporting/floors.py"},
}


# Who may catch any exception, and what for; everybody else names what a damaged file or a machine can raise.
CATCH_ALL = {
    "pipeline/disk/files.py": ["atomic_write"],  # a full disk is told from other errors, which go on as they are
    "pipeline/tracking/outbox.py": ["_send", "send"],  # no error of MLflow's store may stop a training
    "pipeline/weights.py": ["_read_file"],  # torch.load raises what the damaged part of a file happens to lead to
}


def room(path):
    package, *folders, name = path.relative_to(ROOT).with_suffix("").parts
    if package == "model":
        return "model"
    if folders:
        return folders[0]
    if name in STAGES and name != "plan":
        return "stages"
    return "commands" if name in COMMANDS else "entries" if name in ENTRIES else name


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


@pytest.fixture(scope="module")
def graph():
    """Arrows from a module to what it imports; a package's own __init__ comes with each of its modules."""
    arrows = networkx.DiGraph()
    for path in MODULES:
        arrows.add_node(path)
        arrows.add_edges_from((path, other) for other in imports(parse(path)) if other != path)
    return arrows


@pytest.mark.parametrize("path", MODULES, ids=IDS)
def test_imports_run_down(path):
    here = room(path)
    for other in imports(parse(path)):
        there = room(other)
        allowed = MAY_IMPORT[here] | ({here} - {"stages", "commands"})
        assert there in allowed, (
            f"{path.relative_to(ROOT)} imports {other.relative_to(ROOT)}: "
            f"'{here}' may import {', '.join(sorted(MAY_IMPORT[here])) or 'nothing of ours'}, not '{there}'"
        )


def test_imports_make_no_circle(graph):
    circles = [[path.relative_to(ROOT).as_posix() for path in circle] for circle in networkx.simple_cycles(graph)]
    assert not circles


def test_the_order_of_the_rooms_is_itself_without_a_circle():
    order = networkx.DiGraph([(here, there) for here, others in MAY_IMPORT.items() for there in others])
    assert networkx.is_directed_acyclic_graph(order)


@pytest.mark.parametrize("path", MODULES, ids=IDS)
def test_importing_a_module_sets_nothing(path):
    """What a process needs is set up in ``cli.main``; ``typer_command`` exists for what it does when it is imported."""
    for node in parse(path).body:
        docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        runs = isinstance(node, ast.If) and ast.unparse(node.test) == "__name__ == '__main__'"
        plain = isinstance(
            node, ast.Import | ast.ImportFrom | ast.Assign | ast.AnnAssign | ast.FunctionDef | ast.ClassDef
        )
        asked_by_typer = path.name in ("typer_command.py", "__init__.py")
        assert docstring or runs or plain or asked_by_typer, f"line {node.lineno}: {ast.unparse(node)}"
        for target in getattr(node, "targets", []):
            assert isinstance(target, ast.Name | ast.Tuple), f"line {node.lineno}: sets {ast.unparse(target)}"


@pytest.mark.parametrize("path", MODULES, ids=IDS)
def test_files_and_functions_fit_on_screens(path):
    source = path.read_text()
    assert source.count("\n") <= 250
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            assert not body or body[-1].end_lineno - body[0].lineno < 40, f"{node.name} is too long"


def test_the_stage_graph_fits_on_four_screens():
    lines = (ROOT / "dvc.yaml").read_text().splitlines()
    assert len(lines) <= 220 and max(map(len, lines)) <= 120


def names_no_encoding(call):
    """Whether a call reads or writes text in whatever encoding the user's locale has."""
    name, given = getattr(call.func, "attr", getattr(call.func, "id", "")), {word.arg for word in call.keywords}
    if name in ("run", "Popen", "check_output"):
        return "text" in given and "encoding" not in given
    if name in ("read_text", "write_text"):
        return "encoding" not in given
    if name != "open" or ast.unparse(call.func) in ("Image.open", "os.open", "tarfile.open"):
        return False
    modes = [
        arg.value for arg in call.args if isinstance(arg, ast.Constant)
    ]  # a picture is opened by a name: a variable
    return (not call.args or bool(modes)) and "encoding" not in given and not any("b" in str(mode) for mode in modes)


@pytest.mark.parametrize("path", [*MODULES, *sorted((ROOT / "benchmarks").glob("*.py"))], ids=lambda path: path.stem)
def test_text_is_utf8_whatever_the_locale(path):
    for node in ast.walk(parse(path)):
        assert not (isinstance(node, ast.Call) and names_no_encoding(node)), f"{node.lineno}: {ast.unparse(node)}"


@pytest.mark.parametrize(
    "code, wrong",
    [
        ("p.read_text()", True),
        ("p.write_text(t, encoding='utf-8')", False),
        ("p.open()", True),
        ("p.open('w')", True),
        ("open('a')", True),
        ("p.open('wb')", False),
        ("data.open(row.id)", False),
        ("subprocess.run(c, text=True)", True),
    ],
)
def test_what_is_text_in_the_locales_encoding(code, wrong):
    assert names_no_encoding(ast.parse(code).body[0].value) == wrong


def test_rooms_without_code():
    assert not [path for name in ("data", "runs", "reports") for path in (ROOT / name).rglob("*.py")]
    assert not list((ROOT / "tests").rglob("__init__.py"))


@pytest.mark.parametrize("path", MODULES, ids=IDS)
def test_every_module_has_its_test(path):
    module = path.relative_to(ROOT)
    if path.name not in ("__init__.py", "__main__.py", "errors.py"):
        assert (ROOT / "tests" / module.parent / f"test_{module.name}").is_file()


def test_every_test_has_its_module():
    for package in ("model", "pipeline"):
        for test in (ROOT / "tests" / package).rglob("test_*.py"):
            module = test.relative_to(ROOT / "tests")
            assert (ROOT / module.parent / module.name.removeprefix("test_")).is_file(), f"{module} tests nothing"


def catches_all(handler):
    names = (
        {node.id for node in ast.walk(handler.type) if isinstance(node, ast.Name)} if handler.type else {"Exception"}
    )
    return bool(names & {"Exception", "BaseException"})


def test_any_exception_is_caught_in_few_places():
    found = {}
    for path in MODULES:
        for function in [node for node in ast.walk(parse(path)) if isinstance(node, ast.FunctionDef)]:
            handlers = [node for node in ast.walk(function) if isinstance(node, ast.ExceptHandler)]
            if any(map(catches_all, handlers)):
                found.setdefault(path.relative_to(ROOT).as_posix(), []).append(function.name)
    assert {path: sorted(names) for path, names in found.items()} == CATCH_ALL


def test_only_params_reads_params_yaml():
    assert {path.name for path in MODULES if '"params.yaml"' in path.read_text()} == {"params.py"}


def stage(name):
    return STAGES[name].get("do", STAGES[name])


def files_of(names):
    """List the files of code that some dependencies name, and those of folders but for what DVC ignores."""
    names = {name for name in names if f"{name}/".startswith(("model/", "pipeline/"))}
    inside = {path.relative_to(ROOT).as_posix() for name in names for path in (ROOT / name).rglob("*.py")}
    return {name for name in names if name.endswith(".py")} | (inside - IGNORED)


def used_by(name, graph):
    """List the files of code that a stage uses: what its command imports, and all that this imports."""
    command = next(node for node in parse(ROOT / "pipeline/cli.py").body if getattr(node, "name", "") == name)
    start = set(imports(command))
    found = start.union(*(networkx.descendants(graph, path) for path in start))
    folders = {path.parent / "__init__.py" for path in found}
    defined = {path for path in found | folders if defines(path)}
    return {path.relative_to(ROOT).as_posix() for path in defined} - set(NOT_DEPS)


def defines(path):
    """Whether a module has a constant or a function; a package's docstring decides nothing."""
    kinds = (ast.Assign, ast.AnnAssign, ast.FunctionDef, ast.ClassDef)
    return path.exists() and any(isinstance(node, kinds) for node in parse(path).body)


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_depends_on_the_code_that_decides_what_it_writes_and_on_no_other(name, graph):
    declared = {dep for dep in stage(name)["deps"] if f"{dep}/".startswith(("model/", "pipeline/"))}
    used, inside = used_by(name, graph), files_of(declared)
    assert used <= inside, f"dvc.yaml: {name} uses {sorted(used - inside)}"
    idle = [dep for dep in declared if not files_of([dep]) & used]
    assert not idle, f"dvc.yaml: {name} names {idle}, of which it uses nothing"
    unused = {file for file in inside - used if defines(ROOT / file)}
    assert unused == NAMED_AND_NOT_USED.get(name, set())


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_runs_the_command_of_its_name(name):
    words = stage(name)["cmd"].removeprefix(command_line.PREFIX).split()
    assert stage(name)["cmd"].startswith(command_line.PREFIX)
    assert words[: 1 + (words[0] == "launch")] == (["launch", name] if name in ("train", "attend") else [name])


def test_what_dvc_ignores_is_named_by_the_stage_that_uses_it():
    lines = (ROOT / ".dvcignore").read_text().splitlines()
    assert {line.removeprefix("/") for line in lines if line.endswith(".py") and not line.startswith("!")} == IGNORED
    assert set(checkpoint.IGNORED) == IGNORED and "model/boxes.py" in stage("attend")["deps"]


def test_a_checkpoint_belongs_to_the_code_that_dvc_watches_for_a_training():
    declared = [dep for dep in stage("train")["deps"] if f"{dep}/".startswith(("model/", "pipeline/"))]
    assert sorted(checkpoint.CODE) == sorted(declared)


def test_what_is_no_dependency_is_a_short_list():
    assert len(NOT_DEPS) <= 6 and all((ROOT / name).is_file() for name in NOT_DEPS)


LOADED = """
import json, os, sys
import accelerate, matplotlib.figure, mlflow, pandas, skimage, timm, torch, torchvision  # shared by all; none of ours
reports = {}
for name, words in json.loads(sys.stdin.read()).items():
    reader, writer = os.pipe()
    if os.fork() == 0:  # a stage in a process of its own, which has loaded nothing of ours yet
        from pipeline.cli import app
        try:
            app(words, prog_name="pipeline", standalone_mode=False)
        finally:
            ours = {key: module for key, module in sys.modules.items() if key.split(".")[0] in ("model", "pipeline")}
            os.write(writer, json.dumps([module.__file__ for module in ours.values() if module.__file__]).encode())
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as file:
        reports[name] = json.loads(file.read() or "[]")
    os.wait()
print(json.dumps(reports))
"""


@pytest.fixture(scope="module")
def loaded(finished, tmp_path_factory):
    """The files of ours that are loaded when a stage ends, by stage, seen in the process itself."""
    folder, stages = tmp_path_factory.mktemp("loaded"), {}
    for item, words in command_line.commands(finished).items():
        name = item.split("@")[0]
        out = {"--out": str(folder / name), "--metrics": str(folder / f"{name}.json")}
        stages.setdefault(name, [out.get(before, word) for before, word in zip([None, *words], words, strict=False)])
    environment = {**os.environ, "MLFLOW_TRACKING_URI": f"sqlite:///{folder / 'mlflow.db'}", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-P", "-c", LOADED]
    done = subprocess.run(
        command, cwd=finished, env=environment, input=json.dumps(stages), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout.splitlines()[-1]), done.stdout + done.stderr


@pytest.mark.xdist_group("loaded")
@pytest.mark.parametrize("name", STAGES)
def test_a_stage_loads_no_code_that_it_does_not_depend_on(name, loaded):
    """Every constant and function of ours lies in a file that the stage depends on."""
    files, said = loaded
    paths = {Path(file) for file in files[name]}
    assert paths and all(path.is_relative_to(ROOT) for path in paths), said
    names = {path.relative_to(ROOT).as_posix() for path in paths if defines(path)} - set(NOT_DEPS)
    assert f"pipeline/{name}.py" in names and names <= files_of(stage(name)["deps"])
