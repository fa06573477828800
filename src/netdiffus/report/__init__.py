"""Report: scores, tables and pictures of one evaluation as report.html and report.md, and a picture for a README."""

from netdiffus.report.capture import Finding, PacketReport
from netdiffus.report.overview import overview_png
from netdiffus.report.page import markdown, render
from netdiffus.report.verdict import Verdict, contamination, graded, verdicts, weakest
from netdiffus.report.words import Headline, figure, headlines

__all__ = [
    "Finding",
    "Headline",
    "PacketReport",
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
