"""Option ``--version``: which version of the project answers, and from which commit."""

import subprocess
import tomllib
from importlib.metadata import version  # noqa: TID251  (of the installed package; nothing is imported by its name)
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def line(root: Path = ROOT) -> str:
    """Return name, version and, in a checkout, the commit; 'changed' where files of git's differ from it."""
    named = root / "pyproject.toml"  # a checkout's own: what was installed from it may be older
    number = tomllib.loads(named.read_text(encoding="utf-8"))["project"]["version"] if named.is_file() else ""
    commit = _git(root, "rev-parse", "--short", "HEAD") if (root / ".git").exists() else ""
    changed = ", changed" if commit and _git(root, "status", "--porcelain", "-uno") else ""
    return f"foveate {number or version('foveate')}" + (f" (commit {commit}{changed})" if commit else "")


def _git(root: Path, *words: str) -> str:
    """Return what git says; nothing where there is no git, or no repository that it trusts."""
    try:
        done = subprocess.run(["git", "-C", str(root), *words], capture_output=True, encoding="utf-8", check=False)
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
