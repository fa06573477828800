"""matplotlib figures as part of a page: inline SVG whose colours follow the page's, and PNG as a data URI."""

from __future__ import annotations

import base64
import re
from html import escape
from io import BytesIO

from matplotlib.figure import Figure

INK, REAL, SYNTHETIC = "#1c2430", "#0067a8", "#d2510a"
FOLLOWS = {INK: "currentColor", REAL: "var(--real)", SYNTHETIC: "var(--synthetic)"}


def inline_svg(figure: Figure, description: str, prefix: str) -> str:
    """The figure as an SVG element that scales with the page, is named for screen readers and follows its colours.

    `prefix` makes the ids of several figures on one page unique.
    """
    buffer = BytesIO()
    nothing = {"Date": None, "Creator": None, "Format": None, "Type": None}
    figure.savefig(buffer, format="svg", transparent=True, metadata=nothing)
    text = buffer.getvalue().decode()
    text = re.sub(r"<metadata>.*?</metadata>", "", text[text.index("<svg") :], flags=re.DOTALL)
    for colour, variable in FOLLOWS.items():
        text = text.replace(colour, variable)
    used = dict.fromkeys(re.findall(r'(?:href="|url\()#([\w.-]+)', text))
    text = re.sub(r'\sid="([\w.-]+)"', lambda match: match[0] if match[1] in used else "", text)
    for number, name in enumerate(used):
        text = re.sub(rf'(id="|href="#|url\(#){re.escape(name)}(["\)])', rf"\g<1>{prefix}-{number}\g<2>", text)
    text = re.sub(r'\s(width|height)="[\d.]+pt"', "", text, count=2)
    return text.replace("<svg", f'<svg role="img" aria-label="{escape(description)}"', 1)


def data_uri(png: bytes) -> str:
    """A PNG as the src of an img element."""
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"
