"""Private training on packets: the traces of packets in noisy tables, hosts, ports and windows by noisy counts.

A flow is a trace of kinds of packets, sizes and gaps, which is counted as any other trace (privacy/tables.py). What it
has once (hosts, server port) or hardly changes (windows) is counted once for its label and protocol. The rest follows:
packets acknowledge all that was sent, numbers and addresses are drawn, and the compiler makes connections of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from netdiffus.arrays import Bools, Floats, Ints
from netdiffus.compiler import FlowRows
from netdiffus.compiler.arrivals import Arrivals
from netdiffus.compiler.features.codec import CHANNELS, first_packets
from netdiffus.compiler.features.packet_types import KIND
from netdiffus.compiler.specs import CLIENT, SERVER
from netdiffus.compiler.tables import rows_of_tables
from netdiffus.models.fitting import Fitting, TrainingPart
from netdiffus.models.options import RowOptions
from netdiffus.models.packet_codec import PacketCodec, class_names
from netdiffus.models.private import CODES, CONTEXTS, PAIRS, SIZES, counted_length, counted_model, promised
from netdiffus.models.private_fields import OF_FLOW, SLOTS, Counted, counted_fields, windows_of
from netdiffus.models.seeds import training_stream
from netdiffus.models.whole_flows import check_rows
from netdiffus.privacy.alphabet import Codes, private_codes
from netdiffus.privacy.findings import frequent, kept, normalised
from netdiffus.privacy.grid import Grid, public_grid
from netdiffus.privacy.leaves import BASE, Leaves
from netdiffus.privacy.ledger import Guarantee
from netdiffus.privacy.noise import noisy
from netdiffus.privacy.tables import Cell, Coded, Noise, tables
from netdiffus.store.dataset import read_packets
from netdiffus.traffic.flows.frames import PROTOCOLS
from netdiffus.wire.headers.fields import SYN, TCP

CLASSES, FACTS, VALUES, OWN = (
    "flows of each label and protocol",
    "facts of flows (TTLs, clocks, options, ports, windows)",
    "kinds and sizes of packets by position",
    "hosts, ports and windows by label and protocol",
)
WEIGHTS = {CLASSES: 0.01, FACTS: 0.07, VALUES: 0.08, OWN: 0.1, CODES: 0.3, PAIRS: 0.06, CONTEXTS: 0.38}
COUNTED = tuple(CHANNELS.index(name) for name in ("kind", "size", "gap_ns"))
"""The channels that are counted packet by packet."""
OF_HOSTS = 2 + 1 + SLOTS
"""Counts of one flow of OWN: hosts in all classes and in its own, server port, windows."""
KIND_, REPLY_, WINDOW_, HOSTS_, PORT_, ENDING_ = (
    CHANNELS.index(name) for name in ("kind", "reply", "window", "hosts", "server_port", "ending")
)
FASTEST = 10
"""Gaps below 2 to the power of so many nanoseconds are one code."""


@dataclass(frozen=True)
class PrivateFlows:
    """The flows that count: their rows, the classes of the model with noisy numbers of flows, and each flow's (F,)."""

    rows: FlowRows
    classes: dict[str, int]
    ids: Ints


def fit_private_packets(part: TrainingPart, options: RowOptions, device: torch.device) -> Fitting:
    """Look at the packets of a dataset as often as the ledger says, and make a model of what is seen.

    Raises:
        InputError: the part or the options do not allow a guarantee.
    """
    length = counted_length(part, options)
    once = {CLASSES: 1, FACTS: OF_FLOW, VALUES: 2 * length, OWN: OF_HOSTS}
    wanted = {name: (once.get(name, len(COUNTED) * length), weight) for name, weight in WEIGHTS.items()}
    table, labels, guarantee = promised(part, options, wanted)
    sigma = guarantee.sigma
    rows, left_out = rows_of_tables(table, read_packets(part.dataset))
    check_rows(len(rows), left_out)
    flows = _classes(first_packets(rows, length), labels, sigma(CLASSES))
    counted = counted_fields(flows.rows, length, sigma(FACTS), sigma(OWN), sigma(VALUES))
    series = counted.fields.encode(flows.rows)[0]
    books = _books(counted, series, sigma(VALUES))
    rng = np.random.default_rng(training_stream(options.seed, "batches"))
    kinds = counted.fields.kinds.tokens
    cells = [
        *_by_packet((flows, kinds), books, series, guarantee, rng),
        *_by_flow(flows, counted, books, series, sigma(OWN)),
    ]
    options = options.model_copy(update=SIZES)
    fit, codec = counted_model(books, cells, flows.classes, options, device, (CHANNELS, length))
    found = PacketCodec(codec, counted.fields, Arrivals(np.zeros(0, np.int64), 0))
    return Fitting(fit, options, found, flows.classes, [], guarantee)


def _classes(rows: FlowRows, labels: Sequence[str], sigma: float) -> PrivateFlows:
    """The classes LABEL/PROTOCOL that many flows have, at least one of each label; flows of others do not count."""
    every = sorted(f"{label}/{protocol}" for label in labels for protocol in PROTOCOLS.values())
    places = np.searchsorted(every, class_names(rows))
    seen = noisy(np.bincount(places, minlength=len(every)), sigma)
    chosen = set(frequent(seen, sigma).tolist())
    for label in labels:
        mine = [place for place, name in enumerate(every) if name.rpartition("/")[0] == label]
        chosen.add(max(mine, key=lambda place: int(seen[place])))
    names = np.array(sorted(chosen), np.int64)
    classes = {every[place]: max(1, int(seen[place])) for place in names.tolist()}
    inside = np.isin(places, names)
    return PrivateFlows(rows.select(inside), classes, np.searchsorted(names, places[inside]))


def _books(counted: Counted, series: Floats, sigma: float) -> list[Codes]:
    """The codes of every channel."""
    fields = counted.fields
    sizes = private_codes(series[:, CHANNELS.index("size")], public_grid("size"), sigma)
    kinds = _named(np.arange(len(fields.kinds)), fields.kinds.counts)
    hosts = _named(np.arange(len(fields.hosts)), counted.hosts)
    one, ports = _named(np.zeros(1), np.ones(1)), _named(fields.server_ports, np.ones(len(fields.server_ports)))
    return [kinds, one, counted.windows, sizes, _gaps(), hosts, ports, one]


def _named(values: Ints | Floats, weights: Ints | Floats) -> Codes:
    """A code for each value."""
    grid = Grid(np.asarray(values, np.float64), np.arange(len(values)))
    return Codes(grid, np.arange(len(values) + 1), np.append(weights, 1).astype(np.float64))


def _gaps() -> Codes:
    """A code for each octave of gaps: all of it is public."""
    grid = public_grid("gap_ns")
    octave = np.where(grid.values > 0, np.maximum(np.floor(np.log2(np.maximum(grid.values, 1))), FASTEST), 0)
    code = np.unique(octave, return_inverse=True)[1].reshape(-1)
    return Codes(grid, np.append(code, code[-1] + 1), np.ones(len(code) + 1))


def _by_packet(
    learned: tuple[PrivateFlows, Ints],
    books: Sequence[Codes],
    series: Floats,
    guarantee: Guarantee,
    rng: np.random.Generator,
) -> Iterator[Cell]:
    """Tables of kinds, sizes and gaps of flows and kinds, whose places are those of the model's channels."""
    flows, kinds = learned
    codes = np.stack([books[k].encode(series[:, k]) for k in COUNTED], axis=1)
    coded = Coded(codes, flows.ids, [len(books[k]) for k in COUNTED], _possible(flows, kinds))
    noise = Noise(*(guarantee.sigma(name) for name in (CODES, PAIRS, CONTEXTS)))
    many = np.array(list(flows.classes.values()), np.float64)
    for cell in tables(coded, many, noise, rng):
        places = [(COUNTED[channel], back) for channel, back in cell.places]
        yield replace(cell, channel=COUNTED[cell.channel], places=places)


def _possible(flows: PrivateFlows, kinds: Ints) -> Bools:
    """(2, classes, K + 1) which kinds, and the end, a class can have: of its protocol; the first of a client."""
    protocol = np.array([_number(name) for name in flows.classes])
    fits = kinds[:, 0] == protocol[:, None]
    first = fits & (kinds[:, KIND.index("direction")] == CLIENT)
    ends = np.ones((len(protocol), 1), np.bool_)
    return np.stack([np.concatenate([first, ~ends], axis=1), np.concatenate([fits, ends], axis=1)])


def _by_flow(
    flows: PrivateFlows, counted: Counted, books: Sequence[Codes], series: Floats, sigma: float
) -> Iterator[Cell]:
    """What is counted once for a flow: hosts and server port at its first packet, windows by kind of packet."""
    fields, names = counted.fields, list(flows.classes)
    many = np.array(list(flows.classes.values()), np.float64)
    protocol = np.array([_number(name) for name in names])
    fits = fields.hosts.tokens[:, 0] == protocol[:, None]
    expected = many[:, None] * normalised(np.where(fits, counted.hosts, 0.0))
    hosts = np.where(
        fits,
        kept(_of_classes(flows, books[HOSTS_].encode(series[:, HOSTS_, 0]), books[HOSTS_], sigma), expected, sigma),
        0.0,
    )
    ports = _of_classes(flows, books[PORT_].encode(series[:, PORT_, 0]), books[PORT_], sigma)
    of_ports = kept(ports, many[:, None] * normalised(np.maximum(ports.sum(axis=0), 1.0)), sigma)
    windows = _windows(flows, counted.windows, many, sigma)
    once = {HOSTS_: normalised(hosts), PORT_: of_ports, ENDING_: np.ones((len(names), 1))}
    for row in range(fields.length):
        yield _always(row, REPLY_, np.ones((len(names), 1)), [(KIND_, 0)])
        yield _by_kind(row, fields.kinds.tokens, counted.windows, windows)
        for channel, shares in once.items():
            yield _always(row, channel, shares if not row else np.zeros_like(shares), [])


def _number(name: str) -> int:
    """The number of a class's protocol."""
    return next(number for number, protocol in PROTOCOLS.items() if name.endswith(f"/{protocol}"))


def _of_classes(flows: PrivateFlows, codes: Ints, book: Codes, sigma: float) -> Floats:
    """(classes, K) noisy counts of the codes of flows (F,), but of absence."""
    size = len(book)
    counts = np.bincount(flows.ids * size + codes, minlength=len(flows.classes) * size)
    return noisy(counts.reshape(-1, size)[:, :-1], sigma).astype(np.float64)


def _windows(flows: PrivateFlows, book: Codes, many: Floats, sigma: float) -> Floats:
    """(SLOTS, classes, K) shares of windows."""
    found = []
    for values in windows_of(flows.rows).T:
        counts = _of_classes(flows, book.encode(values), book, sigma)
        together = kept(counts.sum(axis=0), np.full(len(book) - 1, 1e-9), sigma * np.sqrt(len(counts)), 0.0)
        found.append(kept(counts, many[:, None] * together, sigma))
    return np.stack(found)


def _always(row: int, channel: int, shares: Floats, places: list[tuple[int, int]]) -> Cell:
    """A channel's shares (classes, K) at a position, whatever was before; absence has what they leave of 1."""
    absent = 1.0 - shares.sum(axis=1, keepdims=True).clip(max=1.0)
    return Cell(row, channel, places, Leaves(len(shares)), np.concatenate([shares, absent], axis=1))


def _by_kind(row: int, kinds: Ints, book: Codes, windows: Floats) -> Cell:
    """Windows at a position: those that the class has with SYN or without, of the side that sends the packet."""
    classes = windows.shape[1]
    slot = kinds[:, KIND.index("direction")] + 2 * (kinds[:, KIND.index("flags")] & SYN == 0)
    shares = windows[slot].transpose(1, 0, 2).copy()  # (classes, kinds, K)
    shares[:, kinds[:, 0] != TCP] = np.eye(len(book) - 1)[int(book.encode(np.zeros(1))[0])]
    tree = Leaves(classes, [(np.arange(classes)[:, None] * BASE + np.arange(len(kinds))).ravel()])
    every = np.concatenate([windows[SERVER + 1], shares.reshape(-1, shares.shape[2])])
    return Cell(row, WINDOW_, [(KIND_, 0)], tree, np.concatenate([every, np.zeros((len(every), 1))], axis=1))
