"""python -m benchmarks [NAME ...]: run the benchmarks, all of them or those named, each in a process of its own.

Writes benchmarks/results.json and benchmarks/results.md after each; what other benchmarks found before stays in both.
"""

import json
import os
import platform
import subprocess
import sys
import tempfile
from dataclasses import asdict
from importlib import import_module
from pathlib import Path

from benchmarks.timing import Row, failed, to_markdown

HERE = Path(__file__).parent
NAMES = ("step", "operations", "boxes", "loading", "inference", "predicting", "orchestration", "memory", "trainings")
ALONE = "--alone"  # FILE NAME: what the process of one benchmark is started with


def main(folder: Path = HERE) -> int:
    """Run them one after the other; return 1 if one of them failed."""
    names = sys.argv[1:] or NAMES
    if unknown := set(names) - set(NAMES):
        print(
            f"error: there is no benchmark {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}", file=sys.stderr
        )
        return 2
    codes = []
    for name in names:
        print(f"{name} ...", file=sys.stderr, flush=True)
        code, found = _in_a_process(name)
        codes.append(code)
        write(folder, name, found)
    print((folder / "results.md").read_text(encoding="utf-8"))
    return int(any(codes))


def write(folder: Path, name: str, found: dict) -> None:
    """Put what one benchmark found in the place of what it found before."""
    path = folder / "results.json"
    results = (json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}) | {name: found}
    path.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    machines: dict[str, list[str]] = {}
    for part in (name for name in NAMES if name in results):
        machines.setdefault(results[part]["machine"], []).append(part)
    where = "\n".join(f"- {', '.join(parts)}: {machine}" for machine, parts in machines.items())
    rows = [Row(**row) for part in NAMES if part in results for row in results[part]["rows"]]
    head = "Medians, ours and its reference in turns. `python -m benchmarks NAME` made the rows of each name:"
    (folder / "results.md").write_text(f"{head}\n\n{where}\n\n{to_markdown(rows)}", encoding="utf-8")


def _in_a_process(name: str) -> tuple[int, dict]:
    """Run one benchmark: precision, threads and memory of a process are set once."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "found.json"
        command = [sys.executable, "-m", "benchmarks", ALONE, str(file), name]
        code = subprocess.run(command, cwd=HERE.parent, check=False, stdout=sys.stderr).returncode
        if code == 0:
            return 0, json.loads(file.read_text(encoding="utf-8"))
    return code, {"machine": "see the error", "rows": [asdict(failed(name, code))]}


def _alone(file: Path, name: str) -> None:
    import torch

    found = [asdict(row) for row in import_module(f"benchmarks.{name}").rows()]
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    machine = f"{os.cpu_count()} cores ({platform.machine()}), {device}, torch {torch.__version__}"
    file.write_text(json.dumps({"machine": machine, "rows": found}), encoding="utf-8")


if __name__ == "__main__":
    if sys.argv[1:2] == [ALONE]:
        _alone(Path(sys.argv[2]), sys.argv[3])
    else:
        sys.exit(main())
