"""Results take their places whole or not at all, and nothing but an old result of ours is replaced."""

import errno
import os
import sys
from pathlib import Path

import pytest

from netdiffus.errors import InputError
from netdiffus.store import journal, place
from netdiffus.store.publish import check_files, check_folder, publish_file, publish_folder
from netdiffus.store.stage import PREFIX, check_whole
from published_notes import KIND, Note, names, read, whole, write

pytestmark = pytest.mark.filterwarnings(
    "ignore:This process:DeprecationWarning"
)  # a child of fork that dies on purpose


@pytest.fixture(params=["exchange", "one by one", "inside"])
def way(request, monkeypatch):
    """The ways in which a folder is replaced: in one step; on a system that cannot; where it may not be renamed."""

    def cannot(first, second):
        raise OSError(errno.EINVAL, "Invalid argument")

    if request.param == "one by one":
        monkeypatch.setattr(journal, "exchange", cannot)
    if request.param == "inside":
        monkeypatch.setattr(place, "mount_points", lambda: set(request.getfixturevalue("tmp_path").iterdir()))
    return request.param


def test_a_new_folder_and_a_new_file_with_their_parents(tmp_path) -> None:
    write(tmp_path / "x" / "y", "first")
    assert read(tmp_path / "x" / "y") == whole("first")
    with publish_file(tmp_path / "z" / "a.csv") as temporary:
        temporary.write_text("whole")
        assert names(tmp_path / "z") != ["a.csv"]
    assert (tmp_path / "z" / "a.csv").read_text() == "whole"
    assert names(tmp_path / "x") + names(tmp_path / "z") == ["y", "a.csv"]


def test_what_fails_leaves_nothing_or_the_old(tmp_path, way) -> None:
    for before in ({}, whole("old")):
        if before:
            write(tmp_path / "out", "old")
        with pytest.raises(OSError, match="No space"), publish_folder(tmp_path / "out", KIND) as folder:  # noqa: PT012
            (folder / "a.txt").write_text("half")
            raise OSError(errno.ENOSPC, "No space left on device")
        assert names(tmp_path) == (["out"] if before else [])
        assert not before or read(tmp_path / "out") == before
    with pytest.raises(RuntimeError), publish_file(tmp_path / "p" / "a.csv") as temporary:  # noqa: PT012
        temporary.write_text("half")
        raise RuntimeError("planted")
    assert names(tmp_path) == ["out"]


def test_an_old_result_is_replaced_and_its_other_files_go(tmp_path, way) -> None:
    out = tmp_path / "out"
    write(out, "old")
    os.chmod(out, 0o750)
    write(out, "new", names=("a.txt",))
    assert read(out) == {"a.txt": "new", "card.json": "new"}
    assert names(out) == ["a.txt", "card.json"]
    assert names(tmp_path) == ["out"]
    assert out.stat().st_mode & 0o777 == 0o750


@pytest.mark.parametrize("thing", ["file", "deep file", "folder", "link", "hidden"])
def test_anything_else_in_the_folder_is_in_the_way_before_the_work(thing, tmp_path) -> None:
    out = tmp_path / "out"
    write(out, "old")
    name = {"deep file": "deep/notes.txt", "link": "a.txt", "hidden": ".notes"}.get(thing, "notes")
    if thing == "folder":
        (out / name).mkdir()
    elif thing == "link":
        (tmp_path / "elsewhere").write_text("a user's")
        (out / name).unlink()
        (out / name).symlink_to(tmp_path / "elsewhere")
    else:
        (out / name).write_text("a user's")
    before = read(out)
    for refused in (lambda: check_folder(out, KIND), lambda: write(out, "new")):
        with pytest.raises(InputError, match=f"which holds other files: {name}.*; move them away, or name another"):
            refused()
    assert read(out) == before
    assert not any(path.name.startswith(PREFIX) for path in tmp_path.iterdir())


@pytest.mark.parametrize("card", ["", "{}", "[1]", '{"format": 1, "netdiffus": "0", "text": 3}', "Dear reader"])
def test_a_manifest_that_is_none_of_ours(card, tmp_path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "card.json").write_text(card)
    (out / "a.txt").write_text("a user's")
    with pytest.raises(
        InputError, match=r"a card.json of netdiffus in the folder --out; got .*out, whose card.json is"
    ):
        check_folder(out, KIND)
    assert names(out) == ["a.txt", "card.json"]


def test_what_is_read_is_never_replaced(tmp_path) -> None:
    out = tmp_path / "out"
    write(out, "old")
    for given, words in ((out / "a.txt", "which holds"), (out, "which is")):
        with pytest.raises(InputError, match=f"an --out apart from what is read; got .*out, {words} "):
            check_folder(out, KIND, inputs=[given])
    file = tmp_path / "x.csv"
    file.write_text("a user's")
    os.link(file, tmp_path / "hard.csv")
    (tmp_path / "soft.csv").symlink_to(file)
    for name in ("x.csv", "hard.csv", "soft.csv"):
        with pytest.raises(InputError, match=f"an --out apart from what is read; got .*{name}, which is .*x.csv"):
            check_files([tmp_path / name], inputs=[file])


def test_links_are_followed_and_stay(tmp_path, way) -> None:
    target = tmp_path / "away" / "target"
    write(target, "old")
    (tmp_path / "link").symlink_to("away/target")
    write(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink()
    assert read(target) == whole("new")
    (tmp_path / "l.csv").symlink_to("away/x.csv")
    (tmp_path / "away" / "x.csv").write_text("trace_id,source\n0,netdiffus 0.1.0 model ab seed 0\n")
    with publish_file(tmp_path / "l.csv") as temporary:
        temporary.write_text("new")
    assert (tmp_path / "l.csv").is_symlink()
    assert (tmp_path / "away" / "x.csv").read_text() == "new"
    assert names(tmp_path / "away") == ["target", "x.csv"]


def test_places_that_cannot_be_written_are_refused_at_once(tmp_path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    (tmp_path / "dangling").symlink_to("nowhere")
    (tmp_path / "circle").symlink_to("circle")
    os.mkfifo(tmp_path / "pipe")
    for name, words in (
        ("file", "a folder for --out; got .*file, a file; name another"),
        ("file/below", "a place to write .*below; got not a folder: .*file; name another --out"),
        ("dangling", "dangling, a link to what does not exist"),
        ("dangling/below", "dangling, a link to what does not exist"),
        ("circle", "circle, a link to itself"),
        ("n" * 256, "a name of up to 255 bytes"),
    ):
        with pytest.raises(InputError, match=words):
            check_folder(tmp_path / name, KIND)
    for name, words in (
        ("folder", "a file for --out; got .*folder, a folder; name another"),
        ("file/x.csv", "a place to write .*; got not a folder"),
        ("dangling", "a link to what does not exist"),
        ("pipe", "a new file, or one that says that netdiffus wrote it"),
    ):
        with pytest.raises(InputError, match=words):
            check_files([tmp_path / name])
    assert names(tmp_path) == ["circle", "dangling", "file", "folder", "pipe"]


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS, errno.EPERM])
def test_no_permission_shows_before_the_work(number, tmp_path, monkeypatch) -> None:
    def refused(self, *arguments, **options):
        raise OSError(number, os.strerror(number), str(self))

    write(tmp_path / "out", "old")
    monkeypatch.setattr(Path, "mkdir", refused)
    for check in (lambda: check_folder(tmp_path / "out", KIND), lambda: check_files([tmp_path / "x.csv"])):
        with pytest.raises(
            InputError, match=f"a place to write .*; got {os.strerror(number).lower()}: .*; name another"
        ):
            check()


def test_a_folder_that_the_user_works_in_stays_itself(tmp_path, monkeypatch) -> None:
    out = tmp_path / "out"
    out.mkdir()
    before = out.stat().st_ino
    monkeypatch.chdir(out)
    for text in ("old", "new"):
        write(Path("."), text)
        assert (read(out), out.stat().st_ino) == (whole(text), before)


@pytest.mark.parametrize("step", range(1, 30))
def test_a_process_that_dies_at_any_moment(step, tmp_path, way) -> None:
    """Killed at its n-th change of the file system: the old or the new, and nothing left behind by the next run."""
    out = tmp_path / "out"
    write(out, "old")
    child = os.fork()
    if not child:
        left = [step]

        def hook(event: str, arguments: tuple) -> None:
            if event in ("os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.link", "shutil.rmtree", "ctypes.dlsym"):
                left[0] -= 1
                if not left[0]:
                    os._exit(9)

        sys.addaudithook(hook)
        write(out, "new")
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if way == "exchange":
        assert read(out) in (whole("old"), whole("new"))
    check_whole(out)
    found = {name: text for name, text in read(out).items() if not name.startswith(PREFIX)}
    assert found in (whole("old"), whole("new"))
    assert os.WEXITSTATUS(status) == 9 or found == whole("new")
    check_folder(out, KIND)
    assert read(out) == found
    assert names(tmp_path) == ["out"]


def test_a_move_that_fails_is_taken_back(tmp_path, way, monkeypatch) -> None:
    if way == "exchange":
        pytest.skip("nothing is moved")
    out = tmp_path / "out"
    write(out, "old", names=("a.txt",))
    real, left = os.replace, [2]

    def replace(source, target):
        if Path(target).parent.is_relative_to(out) and PREFIX not in str(target) and "new" in str(source):
            left[0] -= 1
            if not left[0]:
                raise OSError(errno.EIO, "Input/output error")
        return real(source, target)

    monkeypatch.setattr(os, "replace", replace)
    with pytest.raises(OSError, match="Input/output error"):
        write(out, "new")
    assert read(out) == {"a.txt": "old", "card.json": "old"}
    assert names(tmp_path) == ["out"]


def test_what_a_user_adds_while_we_work_is_kept(tmp_path, way) -> None:
    out = tmp_path / "out"
    write(out, "old")
    with publish_folder(out, KIND) as folder:
        (folder / "a.txt").write_text("new")
        Note(text="new").write(folder)
        (out / "notes.txt").write_text("a user's")
    assert read(out) == {"a.txt": "new", "card.json": "new", "notes.txt": "a user's"}
    assert names(tmp_path) == ["out"]
