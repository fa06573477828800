"""Labels become names of folders, one each, and come back."""

import pytest

from netdiffus.store.labelfolders import LONGEST, label_folder, label_folders, label_of_folder, labels_by_folder

SHORT = [
    "chat",
    "..",
    ".",
    ".hidden",
    "con",
    "NUL.txt",
    "com1",
    "a/b",
    r"DOMAIN\user",
    "a ",
    "a.",
    "%41",
    "Ж漢😀",
    "a\nb",
]
LONG = ["x" * 300, "x" * 299 + "y", "Ж" * 60, "漢" * 40, "/" * 300]


@pytest.mark.parametrize("label", SHORT)
def test_short_labels_are_told_by_the_name_alone(label: str) -> None:
    assert label_of_folder(label_folder(label), {}) == label


@pytest.mark.parametrize("label", SHORT + LONG)
def test_every_file_system_can_hold_the_name(label: str) -> None:
    name = label_folder(label)
    assert len(name.encode()) <= LONGEST
    assert not set(name) & set('/\\:*?"<>|\n')
    assert not name.startswith(".")
    assert not name.endswith((".", " "))
    assert name.partition(".")[0].lower() not in {"con", "nul", "com1"}


def test_long_labels_come_back_by_the_list_of_labels() -> None:
    folders = label_folders(LONG)
    assert len(set(folders.values())) == len(LONG)
    known = labels_by_folder(LONG)
    assert [label_of_folder(name, known) for name in folders.values()] == LONG
    assert all(name[-17] == "~" for name in folders.values())


def test_labels_that_differ_in_case_have_names_that_differ_in_more() -> None:
    labels = ["DNS", "dns", "Dns"]
    folders = label_folders(labels)
    assert folders["DNS"] == "DNS"
    assert len({name.lower() for name in folders.values()}) == 3
    known = labels_by_folder(labels)
    assert [known[name] for name in folders.values()] == labels
