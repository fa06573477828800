"""check: the rules of the wire over a capture, and the application layer of a generated one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from netdiffus.store.account import speaks
from netdiffus.store.copies import fetched
from netdiffus.traffic.payload.judge import judge_payload
from netdiffus.wire.conformance.check import Conformance, Finding, check_capture
from netdiffus.wire.conformance.rules import ERROR, Rule

MALFORMED = Rule(
    "payload-malformed",
    ERROR,
    "RFC 1035, 5389, 8446, 9000, 9112 and others (docs/payload.md)",
    "the first messages of a flow are of a protocol and not well formed",
)


def check_with_payload(path: str | Path) -> Conformance:
    """Check a capture; what `generate --payload protocol` wrote is read up to the application layer.

    Raises:
        InputError: the file cannot be read or is no capture.
    """
    with fetched(Path(path)) as local:
        found = check_capture(local)
        malformed = judge_payload(local).malformed.total() if speaks(local) else 0
    if not malformed:
        return found
    finding = Finding(MALFORMED, malformed, malformed, None)
    return replace(found, findings=(*found.findings, finding), clean_flows=max(found.clean_flows - malformed, 0))
