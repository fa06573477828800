"""Standard output shows labels and file names, and obeys none of them."""

import io
import shlex
import sys

import pytest

from netdiffus.cli.say import command, say, say_next, say_table, table, tolerate_encodings


def test_lines_and_tables_hold_no_control_sequence(capsys: pytest.CaptureFixture[str]) -> None:
    say("label \x1b]0;owned\x07\nnext")
    say_table(["label", "traces"], [["\x1b[2J\u202e", 1200], ["[red]%s{0}", 3]])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == r"label \x1b]0;owned\x07\nnext"
    assert lines[2] == r"\x1b[2J\u202e   1,200"
    assert lines[3].startswith("[red]%s{0} ")


def test_columns_align_by_cells_of_the_terminal() -> None:
    wide, narrow = table(["label", "n"], [["漢漢漢", 1], ["abcdef", 1]]).splitlines()[1:]
    assert (wide, narrow) == ("漢漢漢  1", "abcdef  1")


def test_commands_are_quoted_for_a_shell(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["my data; rm -rf x", "it's", "$(x)"]
    assert shlex.split(command("train", *arguments)) == ["netdiffus", "train", *arguments]
    assert command("info", "a\n'b\\") == r"netdiffus info $'a\n\'b\\'"
    say_next("next", "info", "\udcff")
    assert capsys.readouterr().out == "next: netdiffus info $'\\xff'\n"


def test_letters_that_the_encoding_lacks_do_not_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    tolerate_encodings()
    say("Ж漢 ok")
    sys.stdout.flush()
    assert raw.getvalue() == b"?? ok\n"
