"""Many files in one, read from anywhere."""

import multiprocessing
import pickle
import zipfile
from concurrent.futures import ThreadPoolExecutor

import pytest

from pipeline.disk.pack import Pack, create
from pipeline.errors import InputError

FILES = {f"folder/{n}.bin": bytes([n]) * (1000 + n) for n in range(50)}


@pytest.fixture
def path(tmp_path):
    with create(tmp_path / "a.zip") as add:
        for name, content in FILES.items():
            add(name, content)
    return tmp_path / "a.zip"


def test_any_tool_reads_it(path):
    with zipfile.ZipFile(path) as file:
        assert {name: file.read(name) for name in file.namelist()} == FILES


def test_threads_share_one(path):
    pack = Pack(path)
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(pack.read, list(FILES) * 20)) == list(FILES.values()) * 20


def read_all(pack):
    return [pack.read(name) for name in list(FILES) * 20] == list(FILES.values()) * 20


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_processes_share_one(path, method):
    pack = Pack(path)
    pack.read("folder/0.bin")  # opened before the others start
    with multiprocessing.get_context(method).Pool(2) as pool:
        assert pool.map(read_all, [pack, pack]) == [True, True]


def test_a_copy_opens_its_own(path):
    pack = Pack(path)
    pack.read("folder/0.bin")
    copy = pickle.loads(pickle.dumps(pack))
    assert copy._opened is None and copy.read("folder/1.bin") == FILES["folder/1.bin"]


def test_what_is_missing_or_damaged_is_named(path):
    with pytest.raises(InputError, match=r"a.zip: holds no 'x'"):
        Pack(path).read("x")
    content = bytearray(path.read_bytes())
    content[500] ^= 255
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"a.zip: damaged at 'folder/0.bin'"):
        Pack(path).read("folder/0.bin")
    path.write_bytes(b"no archive")
    with pytest.raises(InputError, match=r"a.zip: damaged"):
        Pack(path).read("folder/0.bin")


def test_any_damaged_byte_of_the_directory_is_named(path):
    """A method, a flag or a length that is none makes zipfile raise whatever it happens to meet."""
    whole = path.read_bytes()
    directory = whole.index(b"PK\x01\x02")
    refused = 0
    for at in [*range(30), *range(directory, directory + 46)]:
        for value in (0, 1, 9, 255):
            path.write_bytes(whole[:at] + bytes([value]) + whole[at + 1 :])
            try:
                Pack(path).read("folder/0.bin")
            except InputError as error:
                assert "a.zip: " in str(error) and "\n" not in str(error)
                refused += 1
    assert refused > 50
