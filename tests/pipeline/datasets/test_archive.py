"""Downloads that break off, lie or vanish, and archives that want out of their folder."""

import errno
import hashlib
import io
import os
import shutil
import subprocess
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from pipeline.datasets import archive
from pipeline.errors import InputError

CONTENT = bytes(range(256)) * 4096  # 1 MiB
MD5 = hashlib.md5(CONTENT).hexdigest()


@pytest.fixture
def server(monkeypatch):
    """A server on this machine that breaks off every answer after ``server.patience`` bytes."""
    monkeypatch.setattr(archive, "PAUSE", 0)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            http.asked.append(self.headers.get("Range"))
            if self.path == "/gone.tgz":
                return self.send_error(404)
            start = int((self.headers.get("Range") or "bytes=0-")[6:-1])
            if start and not http.resumes:
                start = 0
            self.send_response(206 if start else 200)
            self.send_header("Content-Length", str(len(CONTENT) - start))
            self.end_headers()
            self.wfile.write(CONTENT[start : start + http.patience])

        def log_message(self, *_):
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.asked, http.patience, http.resumes = [], len(CONTENT), True
    http.url = f"http://127.0.0.1:{http.server_port}/file.tgz"
    threading.Thread(target=http.serve_forever, daemon=True).start()
    yield http
    http.shutdown()
    http.server_close()


def test_download(server, tmp_path):
    path = archive.obtain(None, server.url, MD5, tmp_path)
    assert path.read_bytes() == CONTENT and server.asked == [None]
    archive.obtain(None, server.url, MD5, tmp_path)
    assert len(server.asked) == 1, "what is there is not downloaded again"


def test_a_download_that_breaks_off_is_resumed(server, tmp_path):
    server.patience = 400_000
    assert archive.obtain(None, server.url, MD5, tmp_path).read_bytes() == CONTENT
    assert server.asked == [None, "bytes=400000-", "bytes=800000-"]


def test_a_server_that_cannot_resume_starts_over(server, tmp_path):
    (tmp_path / "file.tgz.part").write_bytes(b"something else")
    server.resumes = False
    assert archive.obtain(None, server.url, MD5, tmp_path).read_bytes() == CONTENT


def test_a_server_that_gives_up_keeps_what_has_come(server, tmp_path):
    server.patience = 1000
    with pytest.raises(InputError, match=r"file.tgz: cannot be downloaded \(the server stopped at 5000 of 1048576"):
        archive.obtain(None, server.url, MD5, tmp_path)
    assert (tmp_path / "file.tgz.part").stat().st_size == 5000


def test_a_dead_link_is_not_tried_again(server, tmp_path):
    with pytest.raises(InputError, match=r"404.*name it as 'archive' in the recipe"):
        archive.obtain(None, server.url.replace("file", "gone"), MD5, tmp_path)
    assert len(server.asked) == 1


def test_wrong_md5(server, tmp_path):
    with pytest.raises(InputError, match=f"its md5 is {MD5}, the published one is 0000"):
        archive.obtain(None, server.url, "0000", tmp_path)


def tar_with(path, *members):
    with tarfile.open(path, "w") as tar:
        for member in members:
            tar.addfile(member, io.BytesIO(b"x" * member.size))
    return path


def member(name, kind=tarfile.REGTYPE, size=0, linkname=""):
    info = tarfile.TarInfo(name)
    info.type, info.size, info.linkname = kind, size, linkname
    return info


@pytest.mark.parametrize(
    "hostile",
    [
        member("/etc/evil"),
        member("../evil"),
        member("a/../../evil"),
        member("link", tarfile.SYMTYPE, linkname="/etc/passwd"),
        member("hard", tarfile.LNKTYPE, linkname="good"),
        member("device", tarfile.CHRTYPE),
        member("pipe", tarfile.FIFOTYPE),
    ],
    ids=lambda info: info.name,
)
def test_hostile_members_are_refused(hostile, tmp_path):
    path = tar_with(tmp_path / "hostile.tar", member("good", size=3), hostile)
    with pytest.raises(InputError, match=r"hostile.tar: refused, its member"):
        archive.unpack(path, tmp_path / "inside" / "raw")
    assert not (tmp_path / "inside" / "evil").exists() and not (tmp_path / "evil").exists()


def test_a_member_that_would_fill_the_disk_is_refused(tmp_path):
    """A hundred bytes of archive that claim, and would be read as, a hundred terabytes."""
    info = member("huge", size=10**14)
    path = tmp_path / "huge.tar"
    path.write_bytes(info.tobuf(tarfile.GNU_FORMAT) + bytes(1024))
    with pytest.raises(InputError, match=r"huge.tar: refused, its member 'huge' would grow to 100000.0 GB"):
        archive.unpack(path, tmp_path / "raw")


def test_a_sparse_member_is_refused(tmp_path):
    """One that holds nothing and unpacks to ten gigabytes of zeros."""
    (tmp_path / "hole").touch()
    os.truncate(tmp_path / "hole", 10 * 10**9)
    command = ["tar", "--sparse", "--create", "--file", tmp_path / "sparse.tar", "--directory", tmp_path, "hole"]
    if shutil.which("tar") is None or subprocess.run(command, check=False).returncode != 0:
        pytest.skip("no GNU tar")
    assert (tmp_path / "sparse.tar").stat().st_size < 100_000
    with pytest.raises(InputError, match=r"sparse.tar: refused, its member 'hole' would grow to 10.0 GB"):
        archive.unpack(tmp_path / "sparse.tar", tmp_path / "raw")


def test_a_member_that_claims_to_be_small_is_cut_at_its_claim(tmp_path):
    small, behind = member("liar", size=3), bytes(range(256)) * 100
    path = tmp_path / "lying.tar"
    path.write_bytes(small.tobuf() + behind + bytes(1024))
    archive.unpack(path, tmp_path / "raw")
    assert [p.stat().st_size for p in (tmp_path / "raw").iterdir()] == [3]


def test_unpack(tmp_path):
    archive.unpack(tar_with(tmp_path / "a.tar", member("a", tarfile.DIRTYPE), member("a/b", size=2)), tmp_path / "raw")
    assert (tmp_path / "raw" / "a" / "b").read_bytes() == b"xx"


def test_names_that_begin_with_a_dot_and_what_else_lies_there(tmp_path):
    """As of 'tar czf a.tgz .', and of a Mac's own files."""
    path = tar_with(tmp_path / "a.tar", member("./", tarfile.DIRTYPE), member("./a/b", size=2), member("./._b", size=1))
    archive.unpack(path, tmp_path / "raw")
    assert (tmp_path / "raw" / "a" / "b").read_bytes() == b"xx"


@pytest.mark.parametrize(
    "content, way_out",
    [
        (b"PK\x03\x04" + bytes(600), "it is a ZIP archive: unpack it, and pack what it holds with 'tar czf'"),
        (b"Rar!\x1a\x07" + bytes(600), "it is a RAR archive"),
        (b"version https://git-lfs.github.com/spec/v1\n" * 20, "'git lfs pull' fetches it"),
        (b"\n<!DOCTYPE html>" + b" " * 600, "it is a web page, such as one that asks to log in"),
        (b"\x1f\x8b" + bytes(600), "delete it and fetch it again"),
    ],
    ids=["ZIP", "RAR", "Git LFS", "page", "damaged"],
)
def test_another_kind_of_file_is_called_by_its_name(content, way_out, tmp_path):
    (tmp_path / "bad.tgz").write_bytes(content)
    with pytest.raises(InputError, match=way_out) as caught:
        archive.unpack(tmp_path / "bad.tgz", tmp_path / "raw")
    assert "bad.tgz: not a whole tar archive" in str(caught.value) and "\n" not in str(caught.value)


def test_free_space_is_looked_at_first(tmp_path, monkeypatch):
    path = tar_with(tmp_path / "a.tar", member("a", size=100_000))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**9, 10**9 - 10**7, 10**7))
    with pytest.raises(InputError, match=r"a.tar: unpacking it takes 0.01 GB, and 0.01 GB are free"):
        archive.unpack(path, tmp_path / "raw")
    assert not list((tmp_path / "raw").iterdir())


@pytest.mark.parametrize("content", [b"", b"<html>moved</html>", None], ids=["empty", "html", "cut short"])
def test_no_whole_archive(content, tmp_path):
    whole = tmp_path / "whole.tgz"
    with tarfile.open(whole, "w:gz") as tar:
        tar.addfile(member("a", size=100_000), io.BytesIO(bytes(i * i % 251 for i in range(100_000))))
    path = tmp_path / "bad.tgz"
    path.write_bytes(whole.read_bytes()[:-50] if content is None else content)
    with pytest.raises(InputError, match=r"bad.tgz: not a whole tar archive"):
        archive.unpack(path, tmp_path / "raw")


def test_a_full_disk_is_said_at_once(server, tmp_path, monkeypatch):
    def append(url, partial):
        tried.append(url)
        raise OSError(errno.ENOSPC, "No space left on device")

    tried = []
    monkeypatch.setattr(archive, "_append", append)
    with pytest.raises(InputError, match=r"a.tgz.part: cannot be written \(.*No space left.*free some space") as error:
        archive.obtain(None, "http://127.0.0.1/a.tgz", None, tmp_path)
    assert len(tried) == 1 and "other means" not in str(error.value)
