"""What TCP analysers and a real kernel say of a generated capture, beside what they say of real traffic."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from bench import gates, kernel
from netdiffus.compiler import FlowRows, compile_rows, fresh_endpoints, write_packets
from netdiffus.compiler.fidelity import Fidelity

NEAR_POINTS = 5
"""Of the real share of complete connections."""


def written(rows: FlowRows, path: Path, *, fidelity: Fidelity = Fidelity.GENERATED) -> Path:
    """Flows as a capture."""
    fresh = fresh_endpoints(rows, np.random.default_rng(0))
    with path.open("wb") as file:
        write_packets(file, compile_rows(fresh, fidelity=fidelity))
    return path


def stack_lines(capture: Path, real: Path, most: int = 300) -> list[tuple[str, str, str]]:
    """(who, answer, wanted) of connections that tcptrace calls complete, and of those that a kernel takes.

    Args:
        most: flows of each that the kernel is asked about.
    """
    whole, lines = (gates.complete(capture), gates.complete(real)), list[tuple[str, str, str]]()
    if whole[0] and whole[1]:
        shares = [f"{100 * n / max(total, 1):.1f} %" for n, total in (whole[0], whole[1])]
        lines.append(("tcptrace, complete connections", shares[0], f"real {shares[1]} ± {NEAR_POINTS}"))
    ours, theirs = kernel.ask(capture, most), kernel.ask(real, most)
    if isinstance(ours, str) or isinstance(theirs, str):
        return [*lines, ("a real kernel", str(ours), "–")]
    handshakes = [f"{tally.handshakes} of {tally.flows}" for tally in (ours, theirs)]
    data = [f"{tally.data_whole} of {tally.with_data}" for tally in (ours, theirs)]
    return [
        *lines,
        ("a real kernel, handshakes", handshakes[0], f"real {handshakes[1]}"),
        ("a real kernel, complete data", data[0], f"real {data[1]}"),
    ]
