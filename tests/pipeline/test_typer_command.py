"""Importing the package normally stays free of Typer; only Typer's own command gets the app."""

import subprocess
import sys


def test_importing_the_package_imports_nothing_else():
    code = "import sys, pipeline; sys.exit('typer' in sys.modules or hasattr(pipeline, 'app'))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_outside_of_typers_command_the_hook_only_names_the_app():
    code = "from pipeline.typer_command import app; from pipeline import cli; assert app is cli.app"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
