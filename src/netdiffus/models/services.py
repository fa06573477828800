"""Classes of flows: LABEL/PROTOCOL, or LABEL/PROTOCOL:PORT of a service that many flows of whole traffic go to.

What a flow says, how long it takes and how it ends follow from its service more than from anything else. A class of its
own gives a service its own counts (first packets, endings, chains), which a network alone learns late.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from netdiffus.arrays import Ints
from netdiffus.traffic.flows.frames import PROTOCOLS

PORT = re.compile("[1-9][0-9]{0,4}")
FEW_FLOWS = 24
"""A server port to which fewer flows of a label go is no class of its own."""


def label_of(name: str) -> str:
    """The label of a class."""
    return name.rpartition("/")[0]


def protocol_of(name: str) -> str:
    """The protocol of a class."""
    return name.rpartition("/")[2].partition(":")[0]


def is_class(name: str) -> bool:
    """Whether a name is one of a class."""
    protocol, colon, port = name.rpartition("/")[2].partition(":")
    known = PORT.fullmatch(port) is not None and int(port) < 1 << 16 if colon else True
    return "/" in name and protocol in PROTOCOLS.values() and known


def service_names(names: Sequence[str], port: Ints) -> list[str]:
    """The classes of flows of classes LABEL/PROTOCOL and server ports (F,).

    Where all flows of a class go to one port, it keeps its name.
    """
    ports = port.tolist()
    flows = Counter(zip(names, ports, strict=True))
    kinds = Counter(name for name, _ in flows)
    return [
        f"{name}:{number}" if number and kinds[name] > 1 and flows[name, number] >= FEW_FLOWS else name
        for name, number in zip(names, ports, strict=True)
    ]
