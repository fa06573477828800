"""Report: scores, tables and pictures of one evaluation as report.html and report.md, and a picture for a README."""

from netdiffus.report.content import Content
from netdiffus.report.headlines import Headline, figure, headlines
from netdiffus.report.overview import overview_png
from netdiffus.report.page import markdown, render
from netdiffus.report.verdict import Verdict, contamination, graded, verdicts, weakest

__all__ = [
    "Content",
    "Headline",
    "Verdict",
    "contamination",
    "figure",
    "graded",
    "headlines",
    "markdown",
    "overview_png",
    "render",
    "verdicts",
    "weakest",
]
