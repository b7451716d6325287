"""Damaged input of every kind ends in a result, or in one line that names the file: nothing else, and no traceback."""

import io
import random
import shutil
import tarfile
import warnings
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial

import numpy as np
import pytest
from PIL import Image, features
from scipy.io import savemat
from typer.testing import CliRunner

from damage import damage_bytes, damage_text
from pipeline.cli import app
from pipeline.datasets import aircraft, archive, cars, cub, folder, sources
from pipeline.datasets.account import Account
from pipeline.errors import InputError

pytestmark = pytest.mark.long
N, BY_COMMAND = 2000, 50


def outcome(run, *names) -> bool:
    """Run something; say whether it succeeded. An InputError must be one line that has one of the names."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's own words on damaged EXIF data
            run()
    except InputError as error:
        said = str(error)
        assert "\n" not in said and any(str(name) in said for name in names) and len(said) < 1000, said
        return False
    return True


def by_command(project, write_recipe, tiny, download, *names) -> bool:
    """Run the download stage of a recipe through the command line."""
    tiny["download"] = download
    write_recipe(tiny=tiny)
    shutil.rmtree(project / "raw", ignore_errors=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = CliRunner().invoke(app, ["download", "tiny", "--out", "raw"], catch_exceptions=False)
    if result.exit_code == 0:
        return True
    (said,) = [line for line in result.output.splitlines() if line.startswith("error: ")]
    assert result.exit_code == 1 and any(str(name) in said for name in names), said
    return False


def encoded(suffix: str, mode: str = "RGB") -> bytes:
    picture, buffer = Image.effect_noise((24, 16), 80).convert(mode), io.BytesIO()
    exif = picture.getexif()
    exif[0x0112] = 6
    keep = {"exif": exif} if suffix in ("jpeg", "png", "tiff", "webp") else {}
    picture.save(buffer, format=suffix, **keep)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def originals():
    formats = ["jpeg", "png", "tiff", "gif", "bmp", "webp", "ppm", "tga", "jpeg2000", "ico", "pcx", "dds", "sgi", "im"]
    kinds = [(name, "RGB") for name in formats] + [("png", "I;16"), ("png", "P"), ("tiff", "F"), ("jpeg", "CMYK")]
    return [encoded(*kind) for kind in kinds] + ([encoded("avif")] if features.check("avif") else [])


def test_pictures(originals):
    rng, good = random.Random(0), 0
    for n in range(N):
        content = damage_bytes(rng.choice(originals), rng)
        good += outcome(partial(folder.look, content, f"picture {n}"), f"picture {n}: cannot be decoded")
    assert N / 10 < good < N


def put_pictures(root, content):
    for name in ("gull", "tern"):
        (root / name).mkdir(parents=True)
        for n in range(2):
            (root / name / f"{n}.png").write_bytes(content)


FOLDER = {"reader": "folder", "root": "mine", "test_share": 0.5, "seed": 0, "boxes": None, "split": None}


def test_pictures_by_command(project, write_recipe, tiny, originals):
    rng, seen = random.Random(1), set()
    put_pictures(project / "mine", originals[0])
    for _ in range(BY_COMMAND):
        (project / "mine" / "gull" / "1.png").write_bytes(damage_bytes(rng.choice(originals), rng))
        seen.add(by_command(project, write_recipe, tiny, FOLDER, "mine/gull/1.png: cannot be decoded"))
    assert seen == {True, False}


TABLES = {
    "boxes": b"file,x0,y0,x1,y1\ngull/0.png,1,2,3,4\ngull/1.png,0,0,2.5,9\ntern/0.png,,,,\ntern/1.png,1,1,8,8\n",
    "split": b"file,split,group\ngull/0.png,train,a\ngull/1.png,test,b\ntern/0.png,val,c\ntern/1.png,test,\n",
}


@pytest.mark.parametrize("kind", TABLES)
def test_tables(kind, tmp_path, originals):
    rng, good, path = random.Random(2), 0, tmp_path / "table.csv"
    put_pictures(tmp_path / "mine", originals[4])
    source = folder.Source(**FOLDER | {"root": str(tmp_path / "mine"), kind: str(path)})
    for _ in range(N if kind == "boxes" else N // 4):
        path.write_bytes(damage_text(TABLES[kind], rng))
        read = partial(sources.read, source, tmp_path / "mine", Account())
        good += outcome(read, path, tmp_path / "mine: class 'gull' has no", tmp_path / "mine")
    assert N / 100 < good < N


@pytest.mark.parametrize("kind", TABLES)
def test_tables_by_command(kind, project, write_recipe, tiny, originals):
    rng, seen = random.Random(3), set()
    put_pictures(project / "mine", originals[4])
    for _ in range(BY_COMMAND):
        (project / "table.csv").write_bytes(damage_text(TABLES[kind], rng))
        seen.add(by_command(project, write_recipe, tiny, FOLDER | {kind: "table.csv"}, "table.csv", "mine"))
    assert seen == {True, False}


def mat(values) -> bytes:
    buffer = io.BytesIO()
    savemat(buffer, values)
    return buffer.getvalue()


def annotations() -> bytes:
    fields = [*cars.CORNERS, "class", "fname"]
    table = np.zeros(4, dtype=[(field, "O") for field in fields])
    for n in range(4):
        table[n] = (1, 1, 20, 10, n % 2 + 1, f"{n}.jpg")
    return mat({"annotations": table})


def cub_files(photo: bytes) -> dict[str, bytes]:
    names = [f"{c}.{bird}/{n}.jpg" for c, bird in ((1, "gull"), (2, "tern")) for n in range(2)]
    lists = {
        "images.txt": [f"{n} {name}" for n, name in enumerate(names, 1)],
        "image_class_labels.txt": ["1 1", "2 1", "3 2", "4 2"],
        "classes.txt": ["1 001.gull", "2 002.tern"],
        "train_test_split.txt": ["1 1", "2 0", "3 1", "4 0"],
        "bounding_boxes.txt": [f"{n} 1.0 2.0 10.0 8.0" for n in range(1, 5)],
    }
    found = {f"CUB_200_2011/{name}": ("\n".join(lines) + "\n").encode() for name, lines in lists.items()}
    return found | {f"CUB_200_2011/images/{name}": photo for name in names}


def aircraft_files(photo: bytes) -> dict[str, bytes]:
    lists = {
        "variants.txt": ["A 1", "B 2"],
        "images_variant_trainval.txt": ["0001 A 1", "0002 B 2"],
        "images_variant_test.txt": ["0003 A 1", "0004 B 2"],
        "images_box.txt": [f"000{n} 1 1 20 10" for n in range(1, 5)],
    }
    found = {f"{aircraft.ROOT}/{name}": ("\n".join(lines) + "\n").encode() for name, lines in lists.items()}
    return found | {f"{aircraft.ROOT}/images/000{n}.jpg": photo for n in range(1, 5)}


def cars_files(photo: bytes) -> dict[str, bytes]:
    found = {"devkit/cars_meta.mat": mat({"class_names": np.array(["A 1", "B 2"], dtype=object)})}
    found |= {"devkit/cars_train_annos.mat": annotations(), cars.LABELS: annotations()}
    return found | {f"cars_{split}/{n}.jpg": photo for split in ("train", "test") for n in range(4)}


LAYOUTS = {"cub": (cub, cub_files), "aircraft": (aircraft, aircraft_files), "cars": (cars, cars_files)}
CASES = N // len(LAYOUTS) + 1  # of each reader


class OneForMany:
    """What 'cars' reads its files in, a process each: here a process reads many, and after a crash comes a new one."""

    kept = None

    def __init__(self, *words, **options):
        OneForMany.kept = OneForMany.kept or ProcessPoolExecutor(*words, **options)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def submit(self, *words):
        done = OneForMany.kept.submit(*words)
        if isinstance(done.exception(), BrokenProcessPool):
            OneForMany.kept = None
        return done


@pytest.fixture
def one_for_many(monkeypatch):
    monkeypatch.setattr(cars, "ProcessPoolExecutor", OneForMany)
    yield
    if OneForMany.kept:
        OneForMany.kept.shutdown()


def metadata(members):
    return [name for name in members if name.endswith((".txt", ".mat"))]


@pytest.mark.parametrize("reader", LAYOUTS)
def test_the_metadata_of_archives(reader, tmp_path, originals, one_for_many):
    module, layout = LAYOUTS[reader]
    members = layout(originals[0])
    where = "archives" if reader == "cars" else "archive"
    source = module.Source(**{"reader": reader, where: str(tmp_path), "subset": True})
    for name, content in members.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    rng, good = random.Random(4), 0
    for _ in range(CASES):
        name = rng.choice(metadata(members))
        harm = damage_bytes if name.endswith(".mat") else damage_text
        (tmp_path / name).write_bytes(harm(members[name], rng))
        good += outcome(partial(sources.read, source, tmp_path, Account()), tmp_path)
        (tmp_path / name).write_bytes(members[name])
    assert CASES / 100 < good < CASES


def pack(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz", compresslevel=1) as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def test_archives(tmp_path, originals):
    rng, seen, path = random.Random(5), set(), tmp_path / "a.tgz"
    compressed = pack(cub_files(originals[0]))
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as tar:
        tar.addfile(tarfile.TarInfo("a"))
    for n in range(N):
        path.write_bytes(damage_bytes(rng.choice((compressed, plain.getvalue()[:1024])), rng))
        seen.add(outcome(partial(archive.unpack, path, tmp_path / "to" / str(n % 7)), path))
        shutil.rmtree(tmp_path / "to")
    assert seen == {True, False}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.tgz"]


@pytest.mark.parametrize("reader", ["cub", "aircraft"])
def test_archives_by_command(reader, project, write_recipe, tiny, originals):
    photo = io.BytesIO()
    Image.new("RGB", (24, 40)).save(photo, "JPEG")
    members = LAYOUTS[reader][1](photo.getvalue())
    rng, seen = random.Random(6), set()
    recipe = {"reader": reader, "archive": "mine.tgz", "subset": True}
    for _ in range(BY_COMMAND // 2):
        name = rng.choice(metadata(members))
        (project / "mine.tgz").write_bytes(pack(members | {name: damage_text(members[name], rng)}))
        seen.add(by_command(project, write_recipe, tiny, recipe, "mine.tgz"))
    assert seen == {True, False}
