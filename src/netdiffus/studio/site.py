"""What all pages share: the workspace and what is known of it, templates, and forms as they were sent."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from netdiffus.studio.bars import seconds_text
from netdiffus.studio.catalogue import Catalogue, bytes_text
from netdiffus.studio.fields import Entered
from netdiffus.studio.gasf import Gasfs
from netdiffus.studio.jobs import RUNNING, Jobs
from netdiffus.studio.rfc import with_links
from netdiffus.studio.traces import TraceTables
from netdiffus.studio.uploads import Uploads
from netdiffus.studio.watch import Watch
from netdiffus.studio.workspace import Workspace
from netdiffus.text import as_text, visible
from netdiffus.version import __version__

STATIC = Path(__file__).parent / "static"
MOST_FIELDS = 5000
"""Of a form."""


@dataclass(frozen=True)
class Site:
    """The parts that pages are made of."""

    space: Workspace
    catalogue: Catalogue
    jobs: Jobs
    watch: Watch
    tables: TraceTables
    gasfs: Gasfs
    uploads: Uploads
    templates: Environment

    @classmethod
    def of(cls, space: Workspace) -> Site:
        """The parts for a workspace."""
        templates = Environment(
            loader=PackageLoader("netdiffus.studio", "templates"), autoescape=True, undefined=StrictUndefined,
            trim_blocks=True, lstrip_blocks=True,
        )  # fmt: skip
        templates.filters |= {
            "bytes": bytes_text, "seconds": seconds_text, "ago": ago, "visible": lambda text: visible(str(text)),
            "linked": with_links, "query": lambda pairs: urlencode(pairs, errors="surrogateescape"),
        }  # fmt: skip
        templates.globals["version"] = __version__
        for name in templates.list_templates():
            templates.get_template(name)  # compiled before the first page, not for it
        jobs = Jobs(space)
        return cls(space, Catalogue(space), jobs, Watch(), TraceTables(), Gasfs(), Uploads(space), templates)

    def page(self, template: str, status: int = 200, **words: object) -> HTMLResponse:
        """A page of the studio."""
        running = sum(job.state == RUNNING for job in self.jobs.listed())
        shared = {"folder": as_text(self.space.root.name or "/"), "running": running}
        return HTMLResponse(self.templates.get_template(template).render(**shared, **words), status)

    def fragment(self, template: str, **words: object) -> HTMLResponse:
        """Part of a page."""
        return HTMLResponse(self.templates.get_template(template).render(**words))


async def entered(request: Request) -> Entered:
    """A form as it was sent."""
    form = await request.form(max_fields=MOST_FIELDS, max_files=0)
    return {name: [str(value) for value in form.getlist(name)] for name in form}


def asked(request: Request) -> Entered:
    """A query as a form that is filled in."""
    return {name: request.query_params.getlist(name) for name in request.query_params}


def whole(query: Mapping[str, str], name: str, default: int = 0) -> int:
    """A number of a query, not below 0."""
    text = query.get(name, "")
    return min(int(text), 1 << 40) if text.isascii() and text.isdigit() and len(text) < 14 else default


def ago(time_s: float) -> str:
    """A time of the clock as far as it matters: today only hours and minutes."""
    moment = datetime.datetime.fromtimestamp(time_s)
    today = datetime.date.today()
    return f"{moment:%H:%M}" if moment.date() == today else f"{moment:%Y-%m-%d %H:%M}"
