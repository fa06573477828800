"""Names of RFCs and drafts in a text as links to them."""

from __future__ import annotations

import re

from markupsafe import Markup, escape

NAME = re.compile(
    r"RFC (?P<number>\d{3,5})(?:,? (?:sections? )?(?P<section>\d+(?:\.\d+)*))?|(?P<draft>draft-[a-z0-9-]+)"
)


def with_links(text: str) -> Markup:
    """The text with a link for each document that it names; everything else is escaped."""
    parts, end = [], 0
    for match in NAME.finditer(text):
        parts += [escape(text[end : match.start()]), _link(match)]
        end = match.end()
    return Markup("").join([*parts, escape(text[end:])])


def _link(match: re.Match[str]) -> Markup:
    if match["draft"]:
        address = f"https://datatracker.ietf.org/doc/{match['draft']}/"
    else:
        section = f"#section-{match['section']}" if match["section"] else ""
        address = f"https://www.rfc-editor.org/rfc/rfc{match['number']}{section}"
    return Markup('<a href="{}" rel="noreferrer" target="_blank">{}</a>').format(address, match[0])
