"""The compiler: single flows as rows of what is free to vary, and rows as packets that real stacks could have sent."""

from netdiffus.compiler.arrivals import Arrivals, arrival_gaps, draw_starts
from netdiffus.compiler.capture import by_label, label_table, write_packets
from netdiffus.compiler.compile import Packets, compile_rows
from netdiffus.compiler.endpoints import fresh_endpoints
from netdiffus.compiler.fidelity import Fidelity
from netdiffus.compiler.infer import rows_of_flows
from netdiffus.compiler.rules import RULES, Changes
from netdiffus.compiler.specs import FLOW, ROW, FlowRows, concatenate

__all__ = [
    "FLOW",
    "ROW",
    "RULES",
    "Arrivals",
    "Changes",
    "Fidelity",
    "FlowRows",
    "Packets",
    "arrival_gaps",
    "by_label",
    "compile_rows",
    "concatenate",
    "draw_starts",
    "fresh_endpoints",
    "label_table",
    "rows_of_flows",
    "write_packets",
]
