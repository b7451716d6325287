"""python -m benchmarks [NAME ...]: run the benchmarks, all of them or those named, and write what came out.

Writes benchmarks/results.json and benchmarks/results.md, the machine named in both.
"""

import json
import os
import platform
import sys
from dataclasses import asdict
from importlib import import_module
from pathlib import Path

import torch

from benchmarks.timing import to_markdown

HERE = Path(__file__).parent
NAMES = ("step", "boxes", "loading", "inference", "orchestration", "memory")


def main() -> None:
    """Run them one after the other."""
    names = sys.argv[1:] or NAMES
    rows = []
    for name in names:
        print(f"{name} ...", file=sys.stderr, flush=True)
        rows += import_module(f"benchmarks.{name}").rows()
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    machine = f"{os.cpu_count()} cores ({platform.machine()}), {device}, torch {torch.__version__}"
    command = f"`python -m benchmarks {' '.join(names)}`"
    table = f"Medians, ours and its reference in turns; {machine}. {command} made this.\n\n{to_markdown(rows)}"
    print(table)
    (HERE / "results.md").write_text(table, encoding="utf-8")
    results = {"machine": machine, "rows": [asdict(row) | {"verdict": row.verdict} for row in rows]}
    (HERE / "results.json").write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
