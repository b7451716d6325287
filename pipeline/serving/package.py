"""A trained model as a folder of MLflow's: all that it needs is in it, but for the packages that it names.

Our own code travels as files, not as a wheel: MLflow puts them before all others when it loads the model, in any
environment that has the packages and whether or not this project is installed there; a wheel would have to be built,
and would be installed by some of MLflow's environments and not by ``--env-manager local``.
"""

import base64
import hashlib
import shutil
import tempfile
from importlib.metadata import version  # noqa: TID251  (of installed packages; nothing is imported by its name)
from pathlib import Path

import mlflow
import pandas as pd
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, DataType, ParamSchema, ParamSpec, Schema
from mlflow.types.schema import Array, Object, Property

from pipeline import images, recogniser
from pipeline.serving.served import COLUMN, FOLDER, NAMED, TOP_K

ENTRY = Path(__file__).with_name("mlflow_model.py")
ROOT = Path(__file__).resolve().parents[2]
PACKAGES, TRAVEL = ("model", "pipeline"), (".py", ".j2")
NEEDED = (  # by what the entry imports
    *("accelerate", "mlflow", "numpy", "pandas", "pillow", "pydantic", "safetensors", "timm", "torch", "torchvision"),
    *("tqdm", "typer"),
)
EXAMPLE = 96  # pixels of the example's short edge

_TEXT, _WHOLE, _SHARE = DataType.string, DataType.long, DataType.double
_BOX = Array(_WHOLE)
_CLASS = Object([Property("class", _TEXT), Property("probability", _SHARE)])
_LOOK = Object([Property("scale", _WHOLE), Property("crop", _BOX), Property("attended", _BOX)])
SIGNATURE = ModelSignature(
    Schema([ColSpec(_TEXT, COLUMN)]),
    Schema(
        [
            *(ColSpec(_TEXT, "answer"), ColSpec(_WHOLE, "width"), ColSpec(_WHOLE, "height")),
            *(ColSpec(Array(_CLASS), "top"), ColSpec(Array(_LOOK), "scales")),
        ]
    ),
    ParamSchema([ParamSpec(TOP_K, _WHOLE, NAMED)]),
)


def digest(model: Path) -> str:
    """Name what a folder of ``write`` would answer with: the exported model, our code, the packages' versions."""
    found = hashlib.sha256((model / recogniser.DESCRIPTION).read_bytes())
    for name, path in _code():
        found.update(f"\n{name}\n".encode() + path.read_bytes())
    found.update("\n".join(requirements()).encode())
    return found.hexdigest()


def requirements() -> list[str]:
    """Return the packages that answering needs, in the versions that are installed here.

    What stands behind '+' names a build, such as torch's for CPUs, which not every index has.
    """
    return [f"{name}=={version(name).partition('+')[0]}" for name in NEEDED]


def write(folder: Path, model: Path, example: bytes) -> None:
    """Write the new folder, and ask it about the example as a server would, so that no other is registered.

    model    what the export stage wrote
    example  a picture's file, shrunk here
    """
    jpeg, _ = images.prepare(images.open_rgb(example, "example"), recogniser.WHOLE, EXAMPLE)
    asked = pd.DataFrame({COLUMN: [base64.b64encode(jpeg).decode()]})
    with tempfile.TemporaryDirectory() as code:
        for name, path in _code():
            place = Path(code, name)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, place)
        mlflow.pyfunc.save_model(
            str(folder),
            python_model=str(ENTRY),
            artifacts={FOLDER: str(model.absolute())},
            code_paths=[str(Path(code, name)) for name in PACKAGES],
            signature=SIGNATURE,
            input_example=asked,
            pip_requirements=requirements(),
        )
    mlflow.pyfunc.load_model(str(folder)).predict(asked)


def _code() -> list[tuple[str, Path]]:
    """List the files of our code by their names below ROOT."""
    found = [path for name in PACKAGES for path in (ROOT / name).rglob("*") if path.suffix in TRAVEL]
    return sorted((path.relative_to(ROOT).as_posix(), path) for path in found)
