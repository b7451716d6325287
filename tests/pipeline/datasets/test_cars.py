"""The reader of Stanford Cars on archives in their official layout, drawn here, and on the re-upload's."""

import io
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from conftest import ROOT
from pipeline.datasets import cars, sources
from pipeline.datasets.account import Account
from pipeline.errors import InputError

NAMES = ["AM General Hummer SUV 2000", "Acura RL Sedan 2012"]
FIELDS = ["bbox_x1", "bbox_y1", "bbox_x2", "bbox_y2", "class", "fname"]


def annotations(rows):
    table = np.zeros(len(rows), dtype=[(field, "O") for field in FIELDS])
    for n, row in enumerate(rows):
        table[n] = tuple(row)
    return {"annotations": table}


def tar(path, members):
    with tarfile.open(path, "w:gz") as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))


def mat(values):
    buffer = io.BytesIO()
    savemat(buffer, values)
    return buffer.getvalue()


def photo():
    buffer = io.BytesIO()
    Image.new("RGB", (40, 20), "blue").save(buffer, "JPEG")
    return buffer.getvalue()


@pytest.fixture
def archives(tmp_path):
    folder = tmp_path / "archives"
    folder.mkdir()
    rows = [[11, 6, 30, 15, 2, "00001.jpg"], [1, 1, 40, 20, 1, "00002.jpg"]]
    for split in ("train", "test"):
        tar(folder / f"cars_{split}.tgz", {f"cars_{split}/{row[-1]}": photo() for row in rows})
    meta = mat({"class_names": np.array(NAMES, dtype=object)})
    train = mat(annotations(rows))
    tar(folder / "car_devkit.tgz", {"devkit/cars_meta.mat": meta, "devkit/cars_train_annos.mat": train})
    (folder / "cars_test_annos_withlabels.mat").write_bytes(mat(annotations(rows)))
    return folder


def read(folder, tmp_path, subset=True):
    source = cars.Source(reader="cars", archives=str(folder), subset=subset)
    raw = sources.fetch(source, tmp_path / "raw")
    return sources.read(source, raw, Account())


def test_official_archives(archives, tmp_path):
    index = read(archives, tmp_path)
    assert index.id.tolist() == ["train-00001", "train-00002", "test-00001", "test-00002"]
    assert index.class_name.tolist() == [NAMES[1], NAMES[0]] * 2 and index.label.tolist() == [1, 0] * 2
    assert index.loc[0, ["x0", "y0", "x1", "y1"]].tolist() == [0.25, 0.25, 0.75, 0.75]


def test_the_reupload_with_a_folder_per_class(tmp_path):
    for split in ("train", "test"):
        for name in NAMES:
            (tmp_path / "cars" / split / name).mkdir(parents=True)
            (tmp_path / "cars" / split / name / "00001.jpg").write_bytes(photo())
    index = read(tmp_path / "cars", tmp_path)
    assert sorted(index.class_name.unique()) == NAMES
    assert index.split.value_counts().to_dict() == {
        "train": 2,
        "test": 2,
    }


def test_missing_archives_are_named_with_where_to_put_them(archives, tmp_path):
    (archives / "cars_test.tgz").unlink()
    with pytest.raises(InputError, match=r"archives: cars_test.tgz missing. .* put cars_train.tgz, .* there, or name"):
        read(archives, tmp_path)


def test_a_subset_must_be_called_one(archives, tmp_path):
    with pytest.raises(InputError, match=r"cars_train.tgz: its md5 is"):
        read(archives, tmp_path, subset=False)


def test_annotations_without_labels(archives, tmp_path):
    rows = [[1, 1, 40, 20, "00001.jpg"]]
    table = np.zeros(1, dtype=[(field, "O") for field in FIELDS if field != "class"])
    table[0] = tuple(rows[0])
    (archives / "cars_test_annos_withlabels.mat").write_bytes(mat({"annotations": table}))
    with pytest.raises(InputError, match=r"holds no classes; the file with labels is cars_test_annos_withlabels.mat"):
        read(archives, tmp_path)


@pytest.mark.parametrize(
    "places",
    [
        ("cars_train", "cars_test", "devkit", ""),
        ("stanford_cars/cars_train", "stanford_cars/cars_test", "stanford_cars/devkit", "stanford_cars"),
        ("cars_train/cars_train", "cars_test/cars_test", "car_devkit/devkit", ""),
    ],
    ids=["unpacked", "torchvision", "Kaggle"],
)
@pytest.mark.parametrize("labels", [cars.LABELS, "cars_test_annos_withlabels (1).mat"])
def test_layouts_of_re_uploads(tmp_path, places, labels):
    train, test, devkit, beside = (tmp_path / "given" / place for place in places)
    rows = [[11, 6, 30, 15, 2, "00001.jpg"], [1, 1, 40, 20, 1, "00002.jpg"]]
    for folder in (train, test, devkit, beside):
        folder.mkdir(parents=True, exist_ok=True)
    for name in ("00001.jpg", "00002.jpg"):
        (train / name).write_bytes(photo())
        (test / name).write_bytes(photo())
    (devkit / "cars_meta.mat").write_bytes(mat({"class_names": np.array(NAMES, dtype=object)}))
    (devkit / "cars_train_annos.mat").write_bytes(mat(annotations(rows)))
    (beside / labels).write_bytes(mat(annotations(rows)))
    index = read(tmp_path / "given", tmp_path)
    assert index.id.tolist() == ["train-00001", "train-00002", "test-00001", "test-00002"]
    assert index.class_name.tolist() == [NAMES[1], NAMES[0]] * 2
    assert index.loc[0, ["x0", "y0", "x1", "y1"]].tolist() == [0.25, 0.25, 0.75, 0.75]
    (beside / labels).unlink()
    with pytest.raises(InputError, match=r"cars_test_annos_withlabels.mat is missing, the official"):
        read(tmp_path / "given", tmp_path)


NO_KIND = bytearray(mat({"annotations": np.zeros(3)}))
NO_KIND[144] = 99  # the kind of the first array, of which there are eighteen
VERSION_7_3 = b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x02IM" + bytes(400)


@pytest.mark.parametrize(
    "content, message",
    [
        (VERSION_7_3, "saved in MATLAB's format 7.3; save it with '-v7'"),
        (b"", "cannot be read as MATLAB's"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n", "a pointer of Git LFS: 'git lfs pull'"),
        (b"<html>", "cannot be read as MATLAB's"),
        (bytes(NO_KIND), r"cannot be read as MATLAB's \(.*variable 'arr'"),
    ],
    ids=["7.3", "empty", "Git LFS", "a page", "a slip in SciPy"],
)
def test_annotations_that_are_no_annotations(archives, tmp_path, content, message):
    (archives / cars.LABELS).write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        read(archives, tmp_path)
    assert cars.LABELS in str(caught.value) and "\n" not in str(caught.value)


CRASH = """
import os, signal
from pathlib import Path
from pipeline.datasets import cars

def crash(path, name):
    os.kill(os.getpid(), signal.SIGSEGV)

if __name__ == "__main__":
    cars._read = crash
    cars._load(Path("a.mat"), "annotations")
"""


def test_a_crash_of_scipys_reader_is_a_line_and_no_more(tmp_path):
    (tmp_path / "job.py").write_text(CRASH, encoding="utf-8")
    words, variables = [sys.executable, "-X", "faulthandler", "job.py"], {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(words, cwd=tmp_path, env=variables, capture_output=True, text=True, check=False)
    assert done.stderr.endswith(
        "InputError: a.mat: cannot be read as MATLAB's (damaged); it is not the official file\n"
    )
    assert "Fatal Python error" not in done.stderr


REAL = Path(__file__).parents[4] / "shared" / "data"


@pytest.mark.skipif(not (REAL / "cars_train.tgz").is_file(), reason="the archives are not beside this checkout")
def test_the_fourteen_class_archives(tmp_path):
    index = read(REAL, tmp_path)
    assert index.label.nunique() == 14 and index.split.value_counts().to_dict() == {"train": 362, "test": 227}
