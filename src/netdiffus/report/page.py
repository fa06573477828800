"""The report as one page that needs nothing else, and as Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from numpy.typing import NDArray

from netdiffus.metrics import Score, Traces, find
from netdiffus.metrics.packets import PacketSets
from netdiffus.metrics.plane import Plane
from netdiffus.report.capture import PacketReport
from netdiffus.report.distributions import panels
from netdiffus.report.gallery import Images, gallery
from netdiffus.report.maps import map_svg, nearest_svg
from netdiffus.report.packets import field_rows, packet_gallery
from netdiffus.report.tables import baseline_names, beside_rows, confusion_rows, label_rows, score_rows
from netdiffus.report.timelines import pair
from netdiffus.report.verdict import RULE, contamination, graded, verdicts, weakest
from netdiffus.report.words import GRADES, figure, headlines
from netdiffus.text import markdown as markdown_text

FLOWS = 3


def render(
    scores: Sequence[Score],
    real: Traces,
    synthetic: Traces,
    channels: Sequence[str],
    *,
    title: str = "Synthetic traffic beside real",
    provenance: Mapping[str, str] | None = None,
    images: Images | None = None,
    image_channels: Sequence[str] | None = None,
    nearest: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None,
    plane: Plane | None = None,
    packets: PacketSets | None = None,
    capture: PacketReport | None = None,
    seed: int = 0,
) -> str:
    """report.html: headline, tables and pictures of one evaluation in a single self-contained page.

    `real` is the real test part that the scores speak of. `provenance` is printed as it is. `images` maps a label to
    (real, synthetic) images (C, H, W) in [-1, 1], whose channels `image_channels` names (default: `channels`).
    `nearest` holds distances to the nearest training trace, `plane` the points of the map, `packets` those of the
    three parts; without them, no picture. `capture` tells of a synthetic capture.
    """
    rng = np.random.default_rng(seed)
    common = [str(label) for label in np.intersect1d(real.labels, synthetic.labels)]
    flows = [
        (label, *pair(label, real, synthetic, channels, FLOWS, rng, f"f{number}"))
        for number, label in enumerate(common)
    ]
    confusions = [
        (caption, confusion_rows(find(list(scores), name)))
        for caption, name in (
            ("trained on real", "utility.trtr_accuracy"),
            ("trained on synthetic", "utility.tstr_accuracy"),
            ("CNN on images, trained on synthetic", "fingerprinting.tstr_accuracy"),
            ("packet bits, trained on synthetic", "bits.tstr_accuracy"),
        )
    ]
    return _template("page.html.j2").render(
        **_words(scores, real, synthetic, title, provenance),
        capture=capture,
        bit_rows=capture.rows() if capture else [],
        panels=panels(real, synthetic, channels),
        flows=flows,
        gallery=gallery(images or {}, list(image_channels or channels)),
        map=None if plane is None else map_svg(plane),
        map_how="" if plane is None else plane.how,
        nearest=None if nearest is None or not all(map(len, nearest)) else nearest_svg(nearest),
        packet_rows=packet_gallery(packets),
        confusions=[(caption, rows) for caption, rows in confusions if rows],
    )


def markdown(
    scores: Sequence[Score],
    real: Traces,
    synthetic: Traces,
    *,
    title: str = "Synthetic traffic beside real",
    provenance: Mapping[str, str] | None = None,
    capture: PacketReport | None = None,
) -> str:
    """report.md: the words and tables of the report, without its pictures."""
    return _template("page.md.j2").render(**_words(scores, real, synthetic, title, provenance), capture=capture)


def _words(
    scores: Sequence[Score], real: Traces, synthetic: Traces, title: str, provenance: Mapping[str, str] | None
) -> dict[str, object]:
    """What both forms of the report say."""
    return {
        "title": title,
        "real_count": len(real),
        "synthetic_count": len(synthetic),
        "verdicts": verdicts(scores),
        "rule": RULE,
        "weakest": weakest(scores),
        "copied": contamination(scores),
        "leak": _leak(scores),
        "beside": beside_rows(scores),
        "baselines": baseline_names(scores),
        "headlines": graded(headlines(scores, len(real), len(synthetic)), scores),
        "grades": GRADES,
        "labels": label_rows(scores, real, synthetic),
        "fields": field_rows(scores),
        "scores": score_rows(scores),
        "provenance": dict(provenance or {}),
    }


def _leak(scores: Sequence[Score]) -> str:
    """What is said loudly of test traces that occur in the training part; empty where there are none."""
    score = find(list(scores), "leakage.test_in_train")
    if score is None or not score.value:
        return ""
    pairs = [(name, find(list(scores), f"utility.{name}_accuracy_unseen")) for name in ("trtr", "tstr")]
    said = [f"{name.upper()} {figure(found.value, 'share')}" for name, found in pairs if found]
    return score.note + (f": {' and '.join(said)} without them" if said else "") + "."


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
