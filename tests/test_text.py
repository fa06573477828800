"""Text of users in forms for terminals and Markdown."""

import os

import pytest

from netdiffus.text import as_text, markdown, visible


@pytest.mark.parametrize("plain", ["chat", "Ж漢😀", r"DOMAIN\user", "[red]", "%s{0}", "a b", ""])
def test_printable_text_comes_back_as_it_is(plain: str) -> None:
    assert as_text(plain) == visible(plain) == plain


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("a\nb", r"a\nb"),
        ("\x1b[31mred", r"\x1b[31mred"),
        ("\x1b]0;title\x07", r"\x1b]0;title\x07"),
        ("\x9b2J", r"\x9b2J"),
        ("\u202eabc", r"\u202eabc"),
        ("a\u200bb", r"a\u200bb"),
        ("\u2028", r"\u2028"),
        ("\udcff", r"\xff"),
        ("\ud800", r"\ud800"),
    ],
)
def test_what_a_terminal_would_obey_is_an_escape(raw: str, shown: str) -> None:
    assert visible(raw) == shown


def test_undecoded_bytes_of_file_names_become_text() -> None:
    assert as_text("caf\udce9") == r"caf\xe9"
    assert as_text(os.fsdecode("Ж".encode())) == "Ж"
    assert as_text("\udcd0\udc96") == "Ж"  # the bytes of Ж, decoded in an ASCII locale


@pytest.mark.parametrize(
    "raw",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "[x](javascript:alert(1))",
        "a|b",
        "*a*",
        "`x`",
        "~~x~~",
    ],
)
def test_markdown_keeps_no_markup(raw: str) -> None:
    text = markdown(raw)
    assert "<" not in text
    assert not any(text[at] in "[]|*`~" and text[at - 1 : at] != "\\" for at in range(len(text)))


def test_markdown_is_one_line_and_shows_plain_words_as_they_are() -> None:
    assert markdown("a\n| b") == "a\\\\n\\| b"
    assert markdown("&lt;") == "&amp;lt;"
    assert markdown("1. item") == "&#49;. item"
    assert markdown("dns_over_https") == "dns_over_https"
