"""The pipeline's command line, as tests use it."""

from typer.testing import CliRunner

from pipeline.cli import app


def run(*words):
    """Run a command of the pipeline in this process; fail with what it printed."""
    result = CliRunner().invoke(app, list(words), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def stages(dataset):
    """List the commands of dvc.yaml for one dataset, in order, without their launcher."""
    yield f"download {dataset} --out data/raw"
    yield f"prepare {dataset} --raw data/raw --out data/scale-1"
    for scale in (1, 2, 3):
        here, images = f"runs/train-{scale}", f"data/scale-{scale}"
        looked = f"runs/attend-{scale}"
        if scale > 1:
            before = f"--looked runs/attend-{scale - 1} --images data/scale-{scale - 1}"
            yield f"crop {dataset} --raw data/raw {before} --out {images}"
        yield f"train {dataset} {scale} --images {images} --out {here}"
        yield f"attend {dataset} {scale} --trained {here} --images {images} --out {looked}"
    looked = " ".join(f"--looked runs/attend-{scale}" for scale in (1, 2, 3))
    yield f"evaluate {dataset} {looked} --images data/scale-1 --out runs/evaluate --metrics reports/metrics.json"
    images = " ".join(f"--images data/scale-{scale}" for scale in (1, 2, 3))
    yield f"report {dataset} --runs runs {images} --metrics reports/metrics.json --out reports/{dataset}"
