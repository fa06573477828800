"""Reports: the page of one inside, its verdicts on top, and two side by side."""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.responses import FileResponse, RedirectResponse, Response

from netdiffus.errors import InputError
from netdiffus.store.report import HTML, read_scores
from netdiffus.studio.site import Site

REPORT_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'; sandbox"
"""For report.html, which brings its style and pictures along, and no script."""


def add(app: FastAPI, site: Site) -> None:
    """Add the pages."""

    @app.get("/reports")
    def reports() -> Response:
        return site.page("reports.html.j2", reports=site.catalogue.of_kind("report"), at="report")

    @app.get("/report")
    def report(request: Request) -> Response:
        names = [name for name in (request.query_params.get(key, "") for key in ("path", "with")) if name]
        if not names:
            return RedirectResponse("/reports", 303)
        shown = [_content(site, name) for name in names]
        others = [item for item in site.catalogue.of_kind("report") if item.name not in names]
        return site.page("report.html.j2", shown=shown, others=others, compared=_compared(shown), at="report")

    @app.get("/report/page")
    def page(request: Request) -> Response:
        path = site.space.path(request.query_params.get("path", "")) / HTML
        read_scores(path.parent)  # only of a report of ours
        if not path.is_file() or not path.resolve().is_relative_to(site.space.root):
            raise InputError(f"{HTML} in the report", "none", "make it again with 'netdiffus evaluate'")
        return FileResponse(path, media_type="text/html", headers={"Content-Security-Policy": REPORT_POLICY})


def _content(site: Site, name: str) -> dict[str, object]:
    """Verdicts, headline scores and name of a report."""
    from netdiffus.metrics import Score  # here: it loads all metrics, and the report its pictures
    from netdiffus.report.verdict import verdicts

    item = site.catalogue.item(name)
    if item.broken:
        raise InputError("a whole report", f"{item.shown}: {item.broken}", "make it again")
    scores = [Score.from_dict(score) for score in read_scores(site.space.path(name))]
    return {"item": item, "verdicts": verdicts(scores), "scores": [score for score in scores if score.label is None]}


def _compared(shown: list[dict[str, object]]) -> list[tuple[str, str, str, str]]:
    """Scores of two reports beside each other: (name, one, other, goal)."""
    from netdiffus.report import figure

    if len(shown) != 2:
        return []
    first, second = ({score.name: score for score in each["scores"]} for each in shown)  # type: ignore[attr-defined]
    return [
        (name, figure(score.value, score.unit), figure(second[name].value, score.unit), score.goal)
        for name, score in first.items() if name in second
    ]  # fmt: skip
