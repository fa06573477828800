"""Dataset: labels, what was left out, distributions, and a browser of flows; of synthetic tables as well."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import polars as pl
from fastapi import FastAPI, Request
from fastapi.responses import Response

from netdiffus.errors import InputError
from netdiffus.store.cards import DatasetCard
from netdiffus.store.dataset import has_packets, scan_packets
from netdiffus.studio.bars import large_bars, small_bars
from netdiffus.studio.headers import header_fields, time_text
from netdiffus.studio.histograms import HIGH, WIDE, histograms
from netdiffus.studio.site import Site, whole
from netdiffus.studio.traces import TraceTable
from netdiffus.traffic.flows.frames import PROTOCOLS

PAGE, SAMPLE, MOST_LEFT_OUT, MOST_PACKETS = 20, 5000, 200, 256
NUMBERS = {name: number for number, name in PROTOCOLS.items()}


def add(app: FastAPI, site: Site) -> None:
    """Add the pages."""

    @app.get("/dataset")
    def dataset(request: Request) -> Response:
        query = request.query_params
        item = site.catalogue.item(query.get("path", ""))
        if item.broken:
            raise InputError("a whole dataset", f"{item.shown}: {item.broken}", "make it again")
        path = site.space.path(item.name)
        card = DatasetCard.read(path) if path.is_dir() else None
        table = site.tables.open(path)
        label, number = query.get("label", ""), whole(query, "page")
        page = table.page(number, PAGE, label)
        rows = list(zip(page.rows, page.traces.iter_rows(named=True), strict=True))
        small = [(row, trace, small_bars(trace)) for row, trace in rows]
        return site.page(
            "dataset.html.j2", item=item, card=card, table=table, label=label, number=number, page=page, small=small,
            size=PAGE, flow=_flow(site, path, table, query.get("row", "")), left_out=_left_out(card),
            faults=_faults(card), at="dataset",
        )  # fmt: skip

    @app.get("/dataset/distributions")
    def distributions(request: Request) -> Response:
        table = site.tables.open(site.space.path(request.query_params.get("path", "")))
        sample = table.spread(SAMPLE)
        found = histograms(sample.select(table.channels)) if len(sample) else []
        return site.fragment(
            "distributions.html.j2", histograms=found, wide=WIDE, high=HIGH, sample=len(sample), total=table.total
        )

    @app.get("/dataset/gasf.png")
    def gasf(request: Request) -> Response:
        query = request.query_params
        table = site.tables.open(site.space.path(query.get("path", "")))
        picture = site.gasfs.png(table, whole(query, "row"), query.get("channel", ""))
        return Response(picture, media_type="image/png", headers={"Cache-Control": "private, max-age=600"})


def _flow(site: Site, path: Path, table: TraceTable, row: str) -> dict[str, object] | None:
    """What is shown of the trace that was chosen; None: none was."""
    if not (row.isascii() and row.isdigit()) or int(row) >= table.total:
        return None
    trace = table.rows([int(row)]).row(0, named=True)
    return {
        "row": int(row), "trace": trace, "bars": large_bars(trace), "channels": site.gasfs.channels(table),
        "packets": _packets(path, trace["trace_id"]) if path.is_dir() and has_packets(path) else [],
        "start": time_text(trace["start_ns"]) if trace.get("start_ns") else "",
    }  # fmt: skip


def _packets(path: Path, trace_id: int) -> list[dict[str, object]]:
    """The packets of a trace with their header fields."""
    try:
        rows = scan_packets(path).filter(pl.col("trace_id") == trace_id).head(MOST_PACKETS).collect()
    except pl.exceptions.PolarsError as error:
        said = (str(error).splitlines() or [""])[0][:200]
        raise InputError("packets that can be read", said, "prepare the dataset again") from None
    found, first_ns, protocol = [], None, 0
    for packet in rows.sort("index").iter_rows(named=True):
        first_ns = packet["time_ns"] if first_ns is None else first_ns
        if packet["protocol"]:
            protocol = NUMBERS.get(packet["protocol"], 0) or (
                int(packet["protocol"]) if packet["protocol"].isdigit() else 0
            )
        layers = header_fields(packet["network_header"], packet["transport_header"], protocol)
        found.append({**packet, "seconds": (packet["time_ns"] - first_ns) / 1e9, "layers": layers})
    return found


def _left_out(card: DatasetCard | None) -> list[tuple[str, str]]:
    if card is None:
        return []
    return [(label, str(line)) for label, lines in card.left_out.items() for line in lines][:MOST_LEFT_OUT]


def _faults(card: DatasetCard | None) -> list[tuple[str, int]]:
    if card is None:
        return []
    total = Counter[str](card.faults)
    for source in card.sources:
        total.update(source.faults)
    return total.most_common()
