"""The folder that MLflow keeps: it has all that it needs but the packages that it names."""

import base64
import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from packaging.requirements import Requirement
from PIL import Image

from conftest import ROOT
from pipeline import recogniser
from pipeline.disk import imageset
from pipeline.serving import package

ASK = """
import json, sys, mlflow, pandas
model = mlflow.pyfunc.load_model(sys.argv[1])
answers = model.predict(pandas.read_json(sys.argv[2], orient="split"))
ours = [module.__file__ for name, module in sys.modules.items() if name.split(".")[0] in ("model", "pipeline")]
print(json.dumps([answers, ours, sorted({name.split(".")[0] for name in sys.modules})]))
"""


@pytest.fixture(scope="module")
def written(finished, tmp_path_factory):
    """A package of the tiny project's model."""
    folder = tmp_path_factory.mktemp("package") / "tiny"
    data = imageset.read(finished / "data/tiny/scale-1")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", [*sys.path])
        package.write(folder, finished / "runs/tiny/model", data.read(data.index.id[0]))
    return folder


@pytest.fixture(scope="module")
def asked(written, tmp_path_factory):
    """What a new Python says that has nothing but this folder's copy, in another folder, pickle forbidden."""
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    shutil.copytree(written, elsewhere / "model of mine")
    words = [sys.executable, "-c", ASK, "model of mine", "model of mine/input_example.json"]
    environment = os.environ | {"MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false"}
    done = subprocess.run(
        words, cwd=elsewhere, env=environment, capture_output=True, encoding="utf-8", check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return elsewhere, *json.loads(done.stdout.splitlines()[-1])


def test_it_answers_elsewhere_by_its_own_code(asked):
    folder, answers, ours, _ = asked
    assert [len(one["scales"]) for one in answers] == [3] and answers[0]["top"]
    assert len(ours) > 20 and all(Path(file).is_relative_to(folder / "model of mine/code") for file in ours)


def test_it_names_the_packages_that_its_code_imports_in_the_versions_that_are_here(written, asked):
    found = [Requirement(line) for line in (written / "requirements.txt").read_text().splitlines()]
    assert {one.name for one in found} == set(package.NEEDED)
    assert all(str(one.specifier).startswith("==") and "+" not in str(one.specifier) for one in found)
    loaded = set(asked[3])
    files = [path.read_text(encoding="utf-8") for path in map(Path, asked[2])]
    modules = {"pillow": "PIL"}
    for name in package.NEEDED:  # each is loaded, and named by our code
        module = modules.get(name, name)
        assert module in loaded and any(f"import {module}" in text or f"from {module}" in text for text in files), name


def test_its_code_is_ours_and_nothing_else(written):
    """A package's folder may hold what an editor or Python put there."""
    found = {path.relative_to(written / "code").as_posix() for path in (written / "code").rglob("*") if path.is_file()}
    listed = {path for path in found if "__pycache__" not in path}
    here = [path for name in ("model", "pipeline") for kind in ("*.py", "*.j2") for path in (ROOT / name).rglob(kind)]
    assert listed == {path.relative_to(ROOT).as_posix() for path in here}


def test_the_example_is_a_small_picture(written):
    path = written / "input_example.json"
    (text,) = pd.read_json(path, orient="split").image
    with Image.open(io.BytesIO(base64.b64decode(text))) as image:
        assert min(image.size) == package.EXAMPLE and path.stat().st_size < 20_000


def test_the_digest_is_of_model_code_and_packages(finished, tmp_path, monkeypatch):
    model = shutil.copytree(finished / "runs/tiny/model", tmp_path / "model")
    before = package.digest(model)
    assert before == package.digest(finished / "runs/tiny/model")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(package, "version", lambda _: "1.0+cpu")
        assert package.digest(model) != before and "torch==1.0" in package.requirements()
    with pytest.MonkeyPatch.context() as patch:
        (tmp_path / "other.py").touch()
        patch.setattr(package, "_code", lambda: [("pipeline/other.py", tmp_path / "other.py")])
        assert package.digest(model) != before
    description = recogniser.read(model)
    recogniser.write_description(model, description.model_copy(update={"trained_on": "another"}))
    assert package.digest(model) != before
