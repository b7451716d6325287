"""The rules of the house, so that nobody has to remember them."""

import ast
import tomllib

import networkx
import pytest

from conftest import ROOT
from source_code import IDS, MODULES, STAGES, graph, imports, parse

COMMANDS = (
    "ablate",
    "calibrate",
    "check",
    "choose",
    "index",
    "launch",
    "new",
    "predict",
    "register",
    "repro",
    "show",
    "strangers",
    "version",
)
FUNCTION = ast.FunctionDef | ast.AsyncFunctionDef
ENTRIES = ("__init__", "__main__", "typer_command")

# Who may import whom: downwards only. A room is a folder of tools, or a file beside them.
TOOLS = {"datasets", "training", "explaining", "reporting", "tracking", "overlay", "recogniser"}
MAY_IMPORT = {
    "model": set(),
    "errors": set(),
    "disk": {"errors"},
    "images": {"disk", "errors"},
    "params": {"disk", "errors"},
    "trainings": {"params", "disk", "errors"},
    "blocks": {"params", "disk", "errors"},
    "plan": {"trainings", "datasets", "params", "disk", "errors"},
    "overlay": set(),
    "datasets": {"params", "images", "disk", "errors"},
    "training": {"params", "disk", "errors", "model"},
    "explaining": {"training", "disk", "errors", "model"},
    "recogniser": {"training", "params", "images", "disk", "errors", "model"},
    "predicting": {"recogniser", "training", "reporting", "datasets", "images", "disk", "errors"},
    "showing": {"predicting", "recogniser", "training", "overlay", "reporting", "images", "disk", "errors"},
    "serving": {"predicting", "recogniser", "training", "images", "disk", "errors"},
    "proposing": {"training", "datasets", "params", "disk", "errors"},
    "reporting": {"explaining", "overlay", "params", "disk", "errors"},
    "tracking": {"params", "disk", "errors"},
    "stages": TOOLS | {"trainings", "params", "images", "disk", "errors", "model"},
    "scheduling": {"params", "disk", "errors"},
    "commands": TOOLS
    | {"scheduling", "serving", "showing", "predicting", "proposing"}
    | {"plan", "blocks", "trainings", "params", "images", "disk", "errors"},
    "cli": TOOLS | {"scheduling", "stages", "commands", "plan", "trainings", "params", "disk", "errors"},
    "entries": {"cli"},
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
    if name in ("cli", "cli_stages"):
        return "cli"
    return "commands" if name in COMMANDS else "entries" if name in ENTRIES else name


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


def test_imports_make_no_circle():
    circles = [[path.relative_to(ROOT).as_posix() for path in circle] for circle in networkx.simple_cycles(graph())]
    assert not circles


def test_the_order_of_the_rooms_is_itself_without_a_circle():
    order = networkx.DiGraph([(here, there) for here, others in MAY_IMPORT.items() for there in others])
    assert networkx.is_directed_acyclic_graph(order)


@pytest.mark.parametrize("path", MODULES, ids=IDS)
def test_importing_a_module_sets_nothing(path):
    """What a process needs is set up in ``cli_stages.main``; what Typer and MLflow execute sets an app and a model."""
    for node in parse(path).body:
        docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        runs = isinstance(node, ast.If) and ast.unparse(node.test) == "__name__ == '__main__'"
        plain = isinstance(node, ast.Import | ast.ImportFrom | ast.Assign | ast.AnnAssign | FUNCTION | ast.ClassDef)
        executed = path.name in ("typer_command.py", "__init__.py", "mlflow_model.py")
        assert docstring or runs or plain or executed, f"line {node.lineno}: {ast.unparse(node)}"
        for target in getattr(node, "targets", []):
            assert isinstance(target, ast.Name | ast.Tuple), f"line {node.lineno}: sets {ast.unparse(target)}"


@pytest.mark.parametrize("path", MODULES, ids=IDS)
def test_files_and_functions_fit_on_screens(path):
    source = path.read_text()
    assert source.count("\n") <= 250
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, FUNCTION):
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
        for function in [node for node in ast.walk(parse(path)) if isinstance(node, FUNCTION)]:
            handlers = [node for node in ast.walk(function) if isinstance(node, ast.ExceptHandler)]
            if any(map(catches_all, handlers)):
                found.setdefault(path.relative_to(ROOT).as_posix(), []).append(function.name)
    assert {path: sorted(names) for path, names in found.items()} == CATCH_ALL


def test_only_params_reads_params_yaml():
    assert {path.name for path in MODULES if '"params.yaml"' in path.read_text()} == {"params.py"}


def test_every_package_is_one_that_is_installed():
    """They are named in pyproject.toml; the editable installation of a checkout would not miss one."""
    named = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]["packages"]
    found = [path.parent for top in ("model", "pipeline") for path in (ROOT / top).rglob("__init__.py")]
    assert sorted(named) == sorted(".".join(folder.relative_to(ROOT).parts) for folder in found)
