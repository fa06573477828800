"""Files and folders appear whole or not at all."""

import errno

import pytest

from netdiffus.errors import InputError
from netdiffus.store.atomic import atomic_file, atomic_folder, write_json


def names(folder) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_appears_when_the_block_ends_well(tmp_path) -> None:
    with atomic_file(tmp_path / "new" / "a.txt") as temporary:
        temporary.write_text("whole")
        assert not (tmp_path / "new" / "a.txt").exists()
    assert (tmp_path / "new" / "a.txt").read_text() == "whole"
    assert names(tmp_path / "new") == ["a.txt"]


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path) -> None:
    write_json(tmp_path / "a.json", {"old": 1})
    before = (tmp_path / "a.json").read_text()
    with pytest.raises(OSError, match="No space"), atomic_file(tmp_path / "a.json") as temporary:  # noqa: PT012
        temporary.write_text("half")
        raise OSError(errno.ENOSPC, "No space left on device")
    assert (tmp_path / "a.json").read_text() == before
    assert names(tmp_path) == ["a.json"]


def test_a_folder_of_ours_is_replaced_and_a_failure_keeps_it(tmp_path) -> None:
    out = tmp_path / "data"
    for text in ("first", "second"):
        with atomic_folder(out, "card.json") as folder:
            (folder / "card.json").write_text(text)
    assert (out / "card.json").read_text() == "second"
    with pytest.raises(RuntimeError, match="planted"), atomic_folder(out, "card.json") as folder:  # noqa: PT012
        (folder / "card.json").write_text("third")
        raise RuntimeError("planted")
    assert (out / "card.json").read_text() == "second"
    assert names(tmp_path) == ["data"]


def test_a_folder_with_other_things_is_never_replaced(tmp_path) -> None:
    (tmp_path / "thesis.tex").write_text("precious")
    with pytest.raises(InputError, match="holds other files"), atomic_folder(tmp_path, "card.json"):
        pass
    assert names(tmp_path) == ["thesis.tex"]


def test_a_file_in_the_way_is_an_error(tmp_path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="a file; name another"), atomic_folder(tmp_path / "file", "card.json"):
        pass
    with pytest.raises(InputError, match="a place to write"), atomic_file(tmp_path / "file" / "below.txt"):
        pass


def test_nan_never_gets_into_json(tmp_path) -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        write_json(tmp_path / "a.json", {"x": float("nan")})
    assert names(tmp_path) == []
