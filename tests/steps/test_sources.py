"""Which files are meant: folders, patterns, odd names, standard input; each once."""

from pathlib import Path

import pytest

from netdiffus.errors import InputError
from netdiffus.steps.sources.find import SourceFile, find_files
from netdiffus.wire.files.reader import Packet
from netdiffus.wire.files.writer import write_pcap


@pytest.fixture
def tree(tmp_path) -> Path:
    """Captures under many names, a capture that is none, a table and a letter."""
    for name in ("web/a.pcap", "web/b.CAP", "web/no-suffix", "web/odd.trace1", "dns/deep/c.pcap", "dns/d.dmp"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        write_pcap(tmp_path / name, [Packet(1, b"x", 1)])
    (tmp_path / "web" / "empty.pcap").write_bytes(b"")
    (tmp_path / "web" / "letter.txt").write_text("Dear reader")
    (tmp_path / "web" / "traces.csv").write_text("label,size\na,[1]\n")
    return tmp_path


def names(tree: Path, *sources: str) -> list[str]:
    return [str(file.path.relative_to(tree)) for file in find_files([tree / source for source in sources])]


def test_a_folder_means_the_captures_in_and_below_it(tree) -> None:
    assert names(tree, "dns") == ["dns/d.dmp", "dns/deep/c.pcap"]
    # by name, or where the name says nothing by the first bytes
    assert names(tree, "web") == ["web/a.pcap", "web/b.CAP", "web/empty.pcap", "web/no-suffix", "web/odd.trace1"]
    assert not any(file.named for file in find_files([tree]))


def test_patterns_that_the_shell_left_alone(tree) -> None:
    assert names(tree, "web/*.pcap") == ["web/a.pcap", "web/empty.pcap"]
    assert names(tree, "**/*.pcap") == ["dns/deep/c.pcap", "web/a.pcap", "web/empty.pcap"]
    assert names(tree, "web/[ab].*") == ["web/a.pcap", "web/b.CAP"]
    assert names(tree, "d?s") == names(tree, "dns")
    with pytest.raises(InputError, match=r"expected a pattern that matches files; got .*\*\.erf, which matches none"):
        names(tree, "*.erf")


def test_a_file_whose_name_holds_signs_of_patterns(tree) -> None:
    (tree / "web" / "a.pcap").rename(tree / "[x].pcap")
    (file,) = find_files([tree / "[x].pcap"])
    assert file == SourceFile(tree / "[x].pcap", True)


def test_files_in_order(tree) -> None:
    assert names(tree, "web/b.CAP", "web/traces.csv", "web/a.pcap", "dns") == [
        "web/b.CAP", "web/traces.csv", "web/a.pcap", "dns/d.dmp", "dns/deep/c.pcap",
    ]  # fmt: skip
    assert [file.path for file in find_files([Path("-"), tree / "dns" / "d.dmp"])] == [
        Path("-"), tree / "dns" / "d.dmp",
    ]  # fmt: skip


def test_a_file_that_two_sources_name_is_refused(tree) -> None:
    (tree / "link.pcap").symlink_to(tree / "web" / "a.pcap")
    (tree / "hard.pcap").hardlink_to(tree / "web" / "a.pcap")
    for other in ("web/a.pcap", "web/../web/a.pcap", "link.pcap", "hard.pcap", "web", "web/*.pcap"):
        with pytest.raises(InputError, match=r"expected each file once; got .*; name it once"):
            names(tree, "web/a.pcap", other)
    with pytest.raises(InputError, match="each file once"):
        find_files([Path("-"), Path("-")])


def test_a_source_that_has_a_file_under_two_names_gives_it_once(tree) -> None:
    (tree / "dns" / "also.pcap").symlink_to(tree / "dns" / "deep" / "c.pcap")
    assert names(tree, "dns") == ["dns/also.pcap", "dns/d.dmp"]
