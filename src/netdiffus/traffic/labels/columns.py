"""Columns of tables of labels under the names that netdiffus knows, those of CICFlowMeter included."""

from __future__ import annotations

from netdiffus.errors import InputError

TUPLE = ("protocol", "client", "client_port", "server", "server_port")
TIMES = ("start", "end", "start_ns", "end_ns")
COLUMNS = ("file", *TUPLE, *TIMES)

CICFLOWMETER = {
    "Source IP": "client",
    "Src IP": "client",
    "Source Port": "client_port",
    "Src Port": "client_port",
    "Destination IP": "server",
    "Dst IP": "server",
    "Destination Port": "server_port",
    "Dst Port": "server_port",
    "Protocol": "protocol",
    "Timestamp": "start",
    "Label": "label",
}
"""Names of CICFlowMeter 3 and 4 (the tables of CICIDS2017 and CSE-CIC-IDS2018), in any case."""

_KNOWN = {name.lower(): known for name, known in CICFLOWMETER.items()}


def label_columns(columns: list[str], name: str) -> dict[str, str]:
    """Known name → the table's column; a column that carries a known name itself goes before CICFlowMeter's.

    Args:
        columns: of the table, where blanks around a name do not count.
        name: of the table, for messages.

    Raises:
        InputError: no column of labels, or none that says what they are for.
    """
    found = {column.strip(): column for column in reversed(columns) if column.strip() in ("label", *COLUMNS)}
    for column in columns:
        known = _KNOWN.get(column.strip().lower())
        if known is not None:
            found.setdefault(known, column)
    if "label" not in found or len(found) == 1:
        raise InputError(
            f"the columns file,label or {','.join(TUPLE)},label (or CICFlowMeter's) in {name}",
            ",".join(column[:40] for column in columns[:20]),
            "add the header line",
        )
    return found
