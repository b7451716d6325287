"""The exported folder: all that is needed, the same bytes each time, and nothing of another training."""

import shutil

import pytest
from safetensors import safe_open

import command_line
from pipeline import export, params, recogniser
from pipeline.disk import files
from pipeline.errors import InputError


def contents(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def words(project, scales, out):
    """Return the command that exports some scales of a project."""
    return [
        *("export", "tiny", *map(str, scales), "--trained", f"{project}/runs/tiny/train"),
        *("--images", f"{project}/data/tiny/scale-1", "--metrics", f"{project}/reports/metrics/tiny.json"),
        *("--out", str(out)),
    ]


def test_the_same_bytes_wherever_and_whenever_it_is_written(finished, project):
    command_line.run(*words(finished, [1, 2, 3], project / "again"))
    assert contents(project / "again") == contents(finished / "runs/tiny/model")


def test_it_has_weights_a_description_and_a_card_and_no_pickle(finished):
    found = contents(finished / "runs/tiny/model")
    assert sorted(found) == ["README.md", "model.json", *(f"scale-{s}/weights.safetensors" for s in (1, 2, 3))]
    for scale in (1, 2, 3):
        assert (
            found[f"scale-{scale}/weights.safetensors"]
            == (finished / f"runs/tiny/train/ours-0/scale-{scale}/weights.safetensors").read_bytes()
        )
        with safe_open(finished / f"runs/tiny/model/scale-{scale}/weights.safetensors", "pt") as file:
            assert file.keys()


def test_the_card_says_what_it_is_and_how_good(finished):
    card = (finished / "runs/tiny/model/README.md").read_text()
    measured = recogniser.read(finished / "runs/tiny/model").metrics["acc_avg"]
    row = " | ".join(f"{measured[scale]:.1f}" for scale in ("1", "2", "3", "ms"))
    assert f"| mean of both | {row} |" in card and "10 classes, 3 scales" in card and "yellow_winged" in card
    assert "`pipeline strangers PICTURES` measures" in card, "it names a class also where none is there"


def test_fewer_scales(finished, project):
    command_line.run(*words(finished, [1], project / "one"))
    assert len(recogniser.read(project / "one").weights) == 1 and not (project / "one" / "scale-2").exists()


def test_scales_of_different_recipes_are_refused(finished, tmp_path, monkeypatch):
    monkeypatch.chdir(finished)
    folders = [finished / f"runs/tiny/train/{run}/scale-1" for run in ("ours-0", "n-1-0")]
    with pytest.raises(InputError, match=r"n-1-0/scale-1: was trained by another recipe than .*ours-0/scale-1"):
        export.run(
            "tiny",
            params.read("tiny"),
            folders,
            finished / "data/tiny/scale-1",
            finished / "reports/metrics/tiny.json",
            tmp_path / "out",
        )
    assert not (tmp_path / "out").exists()


def test_a_damaged_training_is_named(finished, project):
    shutil.copytree(finished / "runs/tiny/train", project / "runs/tiny/train")
    (project / "runs/tiny/train/ours-0/scale-2/weights.safetensors").write_bytes(b"damaged")
    with pytest.raises(
        AssertionError, match=r"scale-2/weights.safetensors: missing, or not written by the train stage"
    ):
        command_line.run(
            *[word.replace(f"{finished}/runs", f"{project}/runs") for word in words(finished, [1, 2, 3], "m")]
        )


@pytest.mark.parametrize("row", [None, [], {}, {"1": "80"}, {"1": True}, {"1": 80.0, "7": 1.0}])
def test_damaged_metrics_are_one_line(tmp_path, row):
    whole = {name: {"1": 80.0} for name in ("acc_loc", "acc_obj", "acc_avg")}
    files.write_json(tmp_path / "tiny.json", whole)
    assert export._measured(tmp_path / "tiny.json") == whole
    files.write_json(tmp_path / "tiny.json", whole | {"acc_avg": row})
    with pytest.raises(InputError, match=r"tiny.json: acc_avg (is no row of numbers|has other scales)[^\n]*'dvc repro"):
        export._measured(tmp_path / "tiny.json")
