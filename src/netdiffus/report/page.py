"""The report as one self-contained page, and as Markdown."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from netdiffus.metrics import Score, find, type_of
from netdiffus.report.content import Content
from netdiffus.report.distributions import panels
from netdiffus.report.gallery import gallery
from netdiffus.report.gantt import session_rows
from netdiffus.report.headlines import GRADES, figure, headlines
from netdiffus.report.maps import map_svg, nearest_svg
from netdiffus.report.packets import field_rows, finding_rows, packet_gallery
from netdiffus.report.tables import ConfusionRow, baseline_names, compared_rows, confusion_rows, label_rows, score_rows
from netdiffus.report.timelines import pair
from netdiffus.report.verdict import RULE, contamination, graded, verdicts, weakest
from netdiffus.report.whole import energy_svg, load_rows, whole_missing, whole_rows
from netdiffus.text import markdown as markdown_text

FLOWS = 3


def render(content: Content) -> str:
    """report.html: headlines, tables and pictures of one evaluation in a single self-contained page."""
    found, names = content, list(content.image_channels or content.channels)
    rng = np.random.default_rng(found.seed)
    common = [str(label) for label in np.intersect1d(found.real.labels, found.synthetic.labels)]
    flows = [
        (label, *pair(label, found.real, found.synthetic, found.channels, FLOWS, rng, f"f{number}"))
        for number, label in enumerate(common)
    ]
    return _template("page.html.j2").render(
        **_words(found),
        panels=panels(found.real, found.synthetic, found.channels),
        flows=flows,
        gallery=gallery(found.images, names),
        map=None if found.embedding is None else map_svg(found.embedding),
        map_how="" if found.embedding is None else found.embedding.how,
        nearest=None if found.nearest is None or not all(map(len, found.nearest)) else nearest_svg(found.nearest),
        packet_rows=packet_gallery(found.packets),
        load=load_rows(found.whole),
        energy=energy_svg(found.whole, found.seed),
        sessions=session_rows(found.whole),
        confusions=_confusions(found.scores),
    )


def markdown(content: Content) -> str:
    """report.md: the words and tables of the report, without its pictures."""
    return _template("page.md.j2").render(**_words(content))


def _words(content: Content) -> dict[str, object]:
    """The words and tables of both forms of the report."""
    scores, real, synthetic = content.scores, content.real, content.synthetic
    return {
        "title": content.title,
        "real_count": len(real),
        "synthetic_count": len(synthetic),
        "verdicts": verdicts(scores),
        "rule": RULE,
        "weakest": weakest(scores),
        "copied": contamination(scores),
        "leak": _leak(scores),
        "compared": compared_rows(scores),
        "baselines": baseline_names(scores),
        "headlines": graded(headlines(scores, len(real), len(synthetic)), scores),
        "grades": GRADES,
        "labels": label_rows(scores, real, synthetic),
        "fields": field_rows(scores),
        "findings": finding_rows(content.packets),
        "whole": whole_rows(scores),
        "whole_missing": whole_missing(scores),
        "scores": score_rows(scores),
        "provenance": dict(content.provenance),
    }


def _confusions(scores: Sequence[Score]) -> list[tuple[str, list[ConfusionRow]]]:
    """The confusion matrices that scores over all labels come with, under their captions."""
    tables = []
    for score in scores:
        kind = type_of(score.name) if score.confusion is not None and score.label is None else None
        if kind is not None and kind.confusion:
            tables.append((kind.confusion, confusion_rows(score)))
    return tables


def _leak(scores: Sequence[Score]) -> str:
    """The warning shown when test traces also occur in the training set; empty otherwise."""
    score = find(list(scores), "leakage.test_in_train")
    if score is None or not score.value:
        return ""
    pairs = [(name, find(list(scores), f"utility.{name}_accuracy_unseen")) for name in ("trtr", "tstr")]
    accuracies = [f"{name.upper()} {figure(found.value, 'share')}" for name, found in pairs if found]
    return score.note + (f": {' and '.join(accuracies)} without them" if accuracies else "") + "."


def _template(name: str) -> Template:
    is_html = ".html" in name
    environment = Environment(
        loader=PackageLoader("netdiffus.report", "templates"),
        autoescape=is_html,
        finalize=None if is_html else lambda value: markdown_text(str(value)),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name)
