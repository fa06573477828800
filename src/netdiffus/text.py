"""Text from users (labels, file names) in forms that are safe where something reads more into it than text.

A terminal obeys control sequences, Markdown has markup, and names of files need not be text at all: POSIX allows any
bytes but NUL and '/', and Python stands lone surrogates for those that it cannot decode (PEP 383).
"""

from __future__ import annotations

import os
import re
import shlex

UNDECODED = re.compile("[\udc80-\udcff]")
"""What Python puts in place of a byte of a file name that is not in the file system's encoding."""
OTHER_SURROGATES = re.compile("[\ud800-\udc7f\udd00-\udfff]")
EDGES = r"^[\s\x00]+|[\s\x00]+$"
"""What labels lose at their ends: blanks, and NUL, which arrays of text drop without a word."""
MARKUP = re.compile(r"[\\`*\[\]<>&|~$]|(?<![^\W_])_|_(?![^\W_])|^(?:[#+=-]+|\d+(?=[.)]))(?=[.)]?(?: |$))")
"""Characters that CommonMark or GitHub's extensions (tables, strikethrough, math) may take for markup."""


def as_text(name: str | os.PathLike[str]) -> str:
    r"""A file name, or an argument of a command, as Unicode text, whatever the locale: bytes beyond UTF-8 are \xNN.

    Text without lone surrogates comes back as it is.
    """
    text = OTHER_SURROGATES.sub(lambda found: f"\\u{ord(found[0]):x}", os.fspath(name))
    if not UNDECODED.search(text):
        return text
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def visible(text: str) -> str:
    r"""Text on one line that a terminal shows and does not obey.

    Control characters, line ends, direction overrides and other characters that print nothing become escapes as in
    Python's strings: \n, \x1b, \u202e; undecoded bytes become \xNN.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in as_text(text))


def command(*arguments: object) -> str:
    """A command line of netdiffus that a shell takes as it is meant: netdiffus train 'my data' --out MODEL."""
    return " ".join(["netdiffus", *map(_quoted, map(str, arguments))])


def _quoted(argument: str) -> str:
    if argument.isprintable():
        return shlex.quote(argument)
    escaped = argument.replace("\\", "\\\\").replace("'", "\\'")
    return f"$'{visible(escaped)}'"  # the quotes of bash and zsh that know \xNN


def markdown(text: str) -> str:
    """Text as Markdown that shows just that, in a sentence or in a cell of a table (CommonMark 0.31, section 2.4)."""
    return MARKUP.sub(_escaped, visible(text))


def _escaped(match: re.Match[str]) -> str:
    found = match[0]
    # "&lt;" instead of "\<": some readers drop what looks like a tag before they look for backslashes
    entities = {"<": "&lt;", ">": "&gt;", "&": "&amp;"}
    return entities.get(found) or (f"&#{ord(found[0])};{found[1:]}" if found[0].isdigit() else "\\" + found)
