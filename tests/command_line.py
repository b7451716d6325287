"""The pipeline's command line, as tests use it."""

from pathlib import Path

from typer.testing import CliRunner

from pipeline.cli import app

PREFIX = "python3 -m pipeline "


def run(*words):
    """Run a command of the pipeline in this process; fail with what it printed."""
    result = CliRunner().invoke(app, list(words), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def commands(folder: Path):
    """List the commands of the project in a folder, as DVC resolves and orders them, by stage."""
    import networkx
    from dvc.repo import Repo

    index = Repo(str(folder)).index
    ordered = list(networkx.dfs_postorder_nodes(index.graph))
    assert all(stage.cmd.startswith(PREFIX) for stage in ordered)
    return {stage.name: stage.cmd.removeprefix(PREFIX).removeprefix("launch ").split() for stage in ordered}
