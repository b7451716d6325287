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
    images = " ".join(f"--images data/scale-{scale}" for scale in (1, 2, 3))
    looked = " ".join(f"--looked runs/attend-{scale}" for scale in (1, 2, 3))
    metrics = f"--metrics reports/metrics/{dataset}"
    yield f"evaluate {dataset} {looked} --images data/scale-1 --out runs/evaluate {metrics}.json"
    for variant in ("baseline", "local", "object", "n-1"):
        yield f"vary {dataset} {variant} {images} --out runs/vary/{variant}-seed-0"
    for variant in ("ours", "baseline"):
        yield f"vary {dataset} {variant} --seed 1 {images} --out runs/vary/{variant}-seed-1"
    yield f"measure {dataset} --images data/scale-1 --out runs/cost.json"
    yield f"compare {dataset} {looked} --varied runs/vary {metrics}.variants.json"
    yield f"report {dataset} --runs runs {images} --reports reports --out reports/{dataset}"
