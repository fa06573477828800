"""Real flows as rows, and compiled packets as bytes, for the tests of sessions."""

import tempfile
from functools import lru_cache
from pathlib import Path

import numpy as np

from netdiffus import recordings
from netdiffus.compiler import FlowRows, Packets, rows_of_flows, write_packets
from netdiffus.traffic.flows.reader import flows_of_capture
from plain_judge import Seen, ip

CHECKSUM_AT = {1: 2, 6: 16, 17: 6, 58: 2}


def without_checksum(header: bytes) -> bytes:
    """Headers with the transport checksum at 0: it depends on payload that recordings do not have."""
    protocol, at = ip(header)
    at += CHECKSUM_AT[protocol]
    return header[:at] + b"\0\0" + header[at + 2 :]


@lru_cache(maxsize=4)
def real(path: Path, packets: int = 400) -> tuple[FlowRows, list[list[Seen]], dict[str, int]]:
    """Rows of the flows of a capture, their original packets, and how many flows have no rows, by reason."""
    capture = flows_of_capture(path, packets=packets)
    flows: dict[int, list[Seen]] = {}
    kept_ids = []
    for row in capture.packets.iter_rows(named=True):
        seen = Seen(
            row["network_header"] + row["transport_header"], row["payload_bytes"], row["time_ns"], row["direction"]
        )
        flows.setdefault(row["flow_id"], []).append(seen)
    rows, left_out = rows_of_flows(capture.flows, capture.packets, path.parent.name)
    for flow_id in capture.flows["flow_id"].to_list():
        one, reasons = rows_of_flows(*_only(capture, flow_id)) if left_out else (rows, {})
        if not reasons:
            kept_ids.append(flow_id)
        assert len(one) or reasons
    return rows, [flows[flow_id] for flow_id in kept_ids], dict(left_out)


def _only(capture, flow_id):
    return (frame.filter(frame["flow_id"] == flow_id) for frame in (capture.flows, capture.packets))


def recorded(label: str) -> tuple[FlowRows, list[list[Seen]]]:
    """The flows of a shipped recording."""
    (path,) = recordings.captures()[label]
    rows, flows, left_out = real(path)
    assert not left_out
    return rows, flows


def seen(packets: Packets) -> list[list[Seen]]:
    """Compiled packets, flow by flow."""
    flows: list[list[Seen]] = [[] for _ in packets.flows]
    data = packets.headers.data.tobytes()
    whole = packets.headers.network + packets.headers.transport
    for owner, begin, size, segment in zip(
        packets.owner.tolist(), packets.headers.offset.tolist(), whole.tolist(), packets.segments, strict=True
    ):
        flows[owner].append(
            Seen(data[begin : begin + size], int(segment["size"]), int(segment["time_ns"]), int(segment["direction"]))
        )
    return flows


def rows_of_packets(packets: Packets) -> FlowRows:
    """Compiled packets read again, through a capture."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "label" / "made.pcapng"
        path.parent.mkdir()
        with open(path, "wb") as file:
            write_packets(file, packets, form=".pcapng")
        capture = flows_of_capture(path, packets=10_000, timeout_s=2e7)
        assert capture.summary.packets == len(packets.segments)
        assert not capture.summary.faults
        rows, left_out = rows_of_flows(capture.flows, capture.packets, "made")
        assert not left_out
        return rows


def same(original: list[Seen], compiled: list[Seen]) -> bool:
    """Whether all header bits, sizes, times and directions are equal, up to the transport checksum."""
    blank = [packet._replace(header=without_checksum(packet.header)) for packet in original]
    return blank == compiled


def begins_with_syn(rows: FlowRows) -> np.ndarray:
    """For each flow whether it is TCP and its first packet is a SYN."""
    return (rows.flows["protocol"] == 6) & (rows.rows["flags"][rows.first] & 0x12 == 2)
