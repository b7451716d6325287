"""Files in odd forms, in the wrong place or with the wrong rights: kept as they are, or one line."""

import errno
import subprocess
from pathlib import Path

import pytest

import command_line
from pipeline import params, plan
from pipeline.disk import files
from pipeline.errors import InputError
from pipeline.reporting import results

MAKEFILE = Path(__file__).parents[2] / "Makefile"


def edited():
    with params.edit() as values:
        values["datasets"] = ["other"]


def test_an_edited_file_keeps_its_ends_of_lines_its_comments_and_its_rights(project):
    text = "# mine\n" + params.PATH.read_text().replace("recipes:", "recipes: # of mine")
    params.PATH.write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    params.PATH.chmod(0o600)
    edited()
    content = params.PATH.read_bytes()
    assert content.count(b"\r\n") == content.count(b"\n") and b"# mine\r\nrecipes: # of mine\r\n" in content
    assert params.PATH.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "old, new, message",
    [
        ("seed: 0", "seed:\t0", r"line \d+: cannot be edited: found character .*"),
        (
            "recipes:",
            "a: &x 1\nb: &x 2\nrecipes:",
            r"not valid YAML: line 2: .*found duplicate anchor",
        ),
    ],
)
def test_what_cannot_be_edited_is_said_and_stays(project, old, new, message):
    text = params.PATH.read_text().replace(old, new, 1)
    params.PATH.write_text(text)
    with pytest.raises(InputError, match=f"^params.yaml: {message}"):
        edited()
    assert params.PATH.read_text() == text


def test_a_damaged_list_of_trainings_is_written_anew(project):
    plan.PATH.write_bytes(b"\xff\xfe")
    assert command_line.run("plan") and plan.PATH.read_text().startswith("# Written by")


def test_a_folder_in_the_place_of_the_list_of_trainings(project):
    plan.PATH.mkdir()
    with pytest.raises(InputError, match=r"^cells.yaml: cannot be read \(Is a directory\); move it away"):
        plan.run([], checked=False)


@pytest.mark.parametrize("content", [None, b"", b"[1]", b"a: [", b"\xff"])
def test_published_numbers_that_cannot_be_read(tmp_path, content):
    path = tmp_path / "published.yaml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=f"^{path}: "):
        results.published(path, {"reader": "cub"})


def test_a_file_in_the_place_of_a_folder(tmp_path):
    (tmp_path / "a").write_text("mine")
    with (
        pytest.raises(InputError, match=r"a/b: cannot be written .*let this user write in .*a, and make way there"),
        files.atomic_write(tmp_path / "a" / "b") as temporary,
    ):
        temporary.write_text("new")
    assert (tmp_path / "a").read_text() == "mine"


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS])
def test_a_place_where_the_user_may_not_write(tmp_path, monkeypatch, number):
    def refuse(path, *_, **__):  # root may write everywhere
        raise OSError(number, "refused", str(path))

    monkeypatch.setattr(Path, "write_text", refuse)
    with pytest.raises(InputError, match=r"a.json: cannot be written .*let this user write in"):
        files.write_json(tmp_path / "a.json", {})
    with pytest.raises(OSError), files.atomic_write(tmp_path / "a.json"):
        refuse("/somewhere/else")


def test_make_shows_the_reports_of_what_is_run_alone(tmp_path, monkeypatch, project):
    """The report of a recipe that has been renamed stays on the disk, and is no result of this run."""
    command_line.run("plan")
    for name in ("tiny", "old"):
        Path("reports", name).mkdir(parents=True)
        Path("reports", name, "table-6.md").write_text(f"accuracies of {name}")
        Path("reports", name, "index.html").touch()
    Path("pipeline").mkdir()
    Path("pipeline/plan.py").touch()  # by which make knows the project's folder
    words = ["make", "-f", str(MAKEFILE), "-o", "install", "repro", "PY=true"]
    shown = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    assert "accuracies of tiny" in shown and "report: reports/tiny/index.html" in shown and "old" not in shown
