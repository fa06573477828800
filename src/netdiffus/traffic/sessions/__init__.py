"""Sessions: flows as rows of what is free to vary, and rows compiled into packets that real stacks could have sent."""

from netdiffus.traffic.sessions.arrivals import Arrivals, arrival_gaps, draw_starts
from netdiffus.traffic.sessions.capture import by_label, label_table, labels_path, write_packets
from netdiffus.traffic.sessions.compiler import Packets, compile_rows, rows_of_flows
from netdiffus.traffic.sessions.endpoints import fresh_endpoints
from netdiffus.traffic.sessions.rows import FLOW, ROW, FlowRows, concatenate
from netdiffus.traffic.sessions.rules import RULES, Changes

__all__ = [
    "FLOW",
    "ROW",
    "RULES",
    "Arrivals",
    "Changes",
    "FlowRows",
    "Packets",
    "arrival_gaps",
    "by_label",
    "compile_rows",
    "concatenate",
    "draw_starts",
    "fresh_endpoints",
    "label_table",
    "labels_path",
    "rows_of_flows",
    "write_packets",
]
