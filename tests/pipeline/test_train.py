"""Training: what it learns, writes and repeats; the same on two processes as on one."""

import shutil
from pathlib import Path

import pandas as pd
import pytest
import torch

import command_line
import forked

pytestmark = pytest.mark.slow
FOLDERS = ["--images", "data/scale-1", "--out"]


@pytest.fixture
def prepared(project, finished):
    """A project before its first training."""
    shutil.copytree(finished / "data/tiny/scale-1", "data/scale-1")
    return project


def train(processes, out):
    words = ("train", "tiny", *FOLDERS, out)
    said = forked.run(*words) if processes == 1 else "".join(forked.run_together(processes, *words))
    return pd.read_csv(Path(out) / "history.csv"), said


@pytest.mark.parametrize("batch_norm", ["train", "frozen"])
def test_two_processes_train_to_the_same_losses_as_one(prepared, write_recipe, tiny, batch_norm):
    tiny["train"] |= {"batch_norm": batch_norm, "epochs": 20, "batch": 20, "lr": 1e-4, "test_every": 20}  # 20 steps
    # In float32 a rounding error of 1e-7 moves a cell across Otsu's threshold sooner or later, and the losses part.
    tiny["train"]["precision"] = "fp64"
    write_recipe(tiny=tiny)
    one, _ = train(1, "runs/one")
    two, output = train(2, "runs/two")
    assert len(one) == 20
    columns = ["l_loc", "l_obj"]
    apart = (one[columns] - two[columns]).abs().to_numpy().max()
    assert apart < 1e-5
    assert one.l_obj.iloc[0] - one.l_obj.iloc[-1] > 100 * apart, "nothing moved, so equal losses would prove nothing"
    assert output.count("epoch 20/20") == 1, "only the main process speaks"


def test_what_is_written(finished):
    out = finished / "runs/tiny/train/ours-0/scale-1"
    history = pd.read_csv(out / "history.csv")
    assert history.epoch.tolist() == [1, 2]
    assert set(history) >= {"loss", "l_loc", "l_obj", "acc_avg", "test_acc_avg"}
    assert history.loss.to_numpy() == pytest.approx((history.l_loc + history.l_obj).to_numpy())
    assert history.lr.tolist() == [pytest.approx(0.001 * f) for f in (0.5, 0.5)], "of each epoch's last step"
    assert sorted(path.name for path in out.iterdir()) == ["history.csv", "weights.safetensors"]


def test_same_seed_same_numbers_other_seed_others(prepared, write_recipe, tiny):
    results = []
    for n, seed in enumerate([0, 0, 1]):
        tiny["train"]["seed"] = seed
        write_recipe(tiny=tiny)
        command_line.run("train", "tiny", *FOLDERS, f"runs/{n}")
        out = Path(f"runs/{n}")
        results.append([(out / name).read_bytes() for name in ("history.csv", "weights.safetensors")])
    assert results[0] == results[1] and results[0][0] != results[2][0]


def test_frozen_statistics_stay_those_of_the_weights(prepared, write_recipe, tiny):
    from safetensors.torch import load_file

    tiny["train"]["batch_norm"] = "frozen"
    write_recipe(tiny=tiny)
    command_line.run("train", "tiny", *FOLDERS, "runs/frozen")
    weights = load_file("runs/frozen/weights.safetensors")
    means = [tensor for name, tensor in weights.items() if name.endswith("running_mean")]
    assert means and all((mean == 0).all() for mean in means)


def test_a_loss_that_is_no_number_stops_the_training(prepared, write_recipe, tiny):
    tiny["train"] |= {"lr": 1e30, "warmup_epochs": 0}
    write_recipe(tiny=tiny)
    with pytest.raises(
        AssertionError,
        match=r"error: the loss became .* in step \d+ of epoch \d+, at a learning rate of \S+; lower train.lr",
    ):
        command_line.run("train", "tiny", *FOLDERS, "runs/nan")
    assert not Path("runs/nan").exists()


def test_unknown_backbone(prepared, write_recipe, tiny):
    tiny["network"]["backbone"] = "resnet_fifty"
    write_recipe(tiny=tiny)
    with pytest.raises(
        AssertionError, match=r"error: network.backbone: neither torchvision nor timm has 'resnet_fifty'"
    ):
        command_line.run("train", "tiny", *FOLDERS, "runs/x")


@pytest.mark.parametrize("variant, seed", [("ours", 1), ("n-1", 0), ("baseline", 1), ("local", 0)])
def test_what_is_logged_is_what_was_used(finished, variant, seed):
    import mlflow

    client = mlflow.MlflowClient(f"sqlite:///{finished / 'mlflow.db'}")
    runs = client.search_runs([client.get_experiment_by_name("tiny").experiment_id])
    logged = next(run for run in runs if run.info.run_name == f"tiny/train-{variant}-{seed}-1").data.params
    n = {"n-1": "1", "baseline": "0"}.get(variant, "2")
    assert (logged["network.n_classifiers"], logged["train.seed"]) == (n, str(seed))
    assert logged["train.loss"] == ("local" if variant == "local" else "both")


@pytest.mark.parametrize("batch_norm", ["train", "frozen"])
def test_two_processes_train_in_bf16_and_nothing_is_deprecated(prepared, write_recipe, tiny, batch_norm):
    tiny["train"] |= {"batch_norm": batch_norm, "precision": "bf16", "batch": 7}  # shares of 4 and 3
    write_recipe(tiny=tiny)
    history, said = train(2, "runs/two")
    assert said.count("runs on: CPU, 2 processes, bf16, 1 thread, ") == 1
    assert said.count("train.precision: bf16 on a CPU is slow") == 1
    assert "FutureWarning" not in said and "deprecated" not in said, said
    assert len(history) == 2 and history.loss.between(0, 20).all()


def test_what_it_ran_on_is_logged(prepared):
    import mlflow

    command_line.run("train", "tiny", *FOLDERS, "runs/one")
    client = mlflow.MlflowClient(f"sqlite:///{prepared / 'mlflow.db'}")
    (run,) = client.search_runs([client.get_experiment_by_name("tiny").experiment_id])
    logged = {name: value for name, value in run.data.params.items() if name.startswith("machine.")}
    expected = {"device": "CPU", "processes": "1", "precision": "fp32", "tf32": "none", "threads": "1"}
    expected["instructions"] = torch.backends.cpu.get_cpu_capability()
    assert logged == {f"machine.{name}": value for name, value in expected.items()}
    assert run.data.params["train.tf32"] == "convolutions"


def test_the_environment_changes_no_weights(prepared, monkeypatch):
    weights = []
    for n, variables in enumerate(
        [{}, {"ACCELERATE_GRADIENT_ACCUMULATION_STEPS": "4"}, {"ACCELERATE_MIXED_PRECISION": "bf16"}]
    ):
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        said = command_line.run("train", "tiny", *FOLDERS, f"runs/{n}")
        assert all(f"{name}={value} is not obeyed" in said for name, value in variables.items())
        weights.append(Path(f"runs/{n}/weights.safetensors").read_bytes())
    assert weights[0] == weights[1] == weights[2]
