"""Sessions on their way to a capture: drawn, filled with flows, timed by what they follow, and placed between hosts."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

import numpy as np

from netdiffus import limits
from netdiffus.arrays import Ints
from netdiffus.compiler import FlowRows, draw_starts
from netdiffus.compiler.application import Acquaintances, packed_addresses
from netdiffus.compiler.sessions.flows import events_of, steps_of
from netdiffus.compiler.sessions.hosts import session_hosts
from netdiffus.compiler.sessions.lookups import looked_up
from netdiffus.compiler.shelf import Shelf
from netdiffus.compiler.specs import SERVER
from netdiffus.errors import InputError
from netdiffus.models.packet_codec import PacketCodec
from netdiffus.models.packets import PacketModel
from netdiffus.models.session_codec import SessionCodec
from netdiffus.models.sessions import SessionModel, no_sessions
from netdiffus.steps.outputs import streamed
from netdiffus.steps.outputs.capture_config import CaptureConfig, is_capture_name
from netdiffus.steps.outputs.order import Drawn, Order
from netdiffus.steps.outputs.slots import Filler, coupled
from netdiffus.traffic.session_links import ENDED, EVENTS, linked_starts


@dataclass(frozen=True)
class Placed:
    """Flows of sessions between their hosts, in the order of the shelf.

    Attributes:
        flows: without packets. session: of each (F,), from 1 on in the order in which they begin.
        lookups: the servers that each asks for, by address. not_as_drawn: packets or flows, by reason.
    """

    flows: FlowRows
    session: Ints
    lookups: list[list[bytes]]
    not_as_drawn: dict[str, int]

    def company(self, numbers: Ints, names: dict[bytes, str]) -> Acquaintances:
        """What some flows, by number, know of each other."""
        return Acquaintances([self.lookups[flow] for flow in numbers.tolist()], names)


def sessions_of(order: Order) -> SessionModel:
    """The model of sessions that an order draws from.

    Raises:
        InputError: the model has none, or the output is no capture.
    """
    model = order.model
    if not isinstance(model, PacketModel) or model.sessions is None:
        codec = model.manifest.codec
        raise no_sessions(None if isinstance(codec, PacketCodec) and codec.fields.whole else codec.length)
    if not is_capture_name(order.out):
        raise InputError("a capture (.pcap, .pcapng) for --sessions", order.out.name, "name a capture with --out")
    return model.sessions


def draw_sessions(
    order: Order, sessions: int, shelf: Shelf, config: CaptureConfig, filling: streamed.Filling
) -> Generator[Drawn, None, Placed]:
    """Draw so many sessions, with their flows on the shelf; yields a record per batch.

    Raises:
        InputError: the model has no sessions, they have too many flows, or the networks are too small for them.
    """
    model, seed = sessions_of(order), order.config.seed
    drawn = model.draw(sessions, order.how, seed, balance=order.config.balance)
    slots = drawn.slots
    if len(slots) > limits.TRACES:
        raise InputError(f"sessions of {limits.TRACES:,} flows at most", f"{len(slots):,}", "lower --sessions")
    version = drawn.version[slots.session]
    filler = Filler(order, slots, version, model.codec.kinds, shelf)
    yield from filler.fill()
    rows = shelf.take_flows()
    events, steps = _observed(rows, shelf, filling)
    slot = coupled(np.array(filler.slot, np.int64), slots, version, events[:, ENDED].astype(np.float64))
    flow = np.argsort(slot)  # the flow of each slot
    rng = np.random.default_rng(seed)
    starts = _begin(model.codec, sessions, config, rng)[slots.session]
    starts += linked_starts(slots.session, slots.links, events[flow])
    asked = rows.flows[flow]
    asked["start_ns"] = starts
    nets = (config.client_net, config.server_net)
    placed = session_hosts(asked, slots.session, slots.server, steps[flow], model.codec.habits, nets, rng)
    addresses = packed_addresses(placed, SERVER)
    answered = starts + np.maximum(events[flow, ENDED], 0)
    named = looked_up(slots.session, slots.server, slots.links, slots.lookup, starts, answered)
    flows = FlowRows(placed[slot], rows.rows, rows.counts, rows.layouts, rows.labels)
    lookups = [[addresses[other] for other in named[k]] for k in slot.tolist()]
    return Placed(flows, slots.session[slot] + 1, lookups, dict(filler.changed))


def _begin(codec: SessionCodec, sessions: int, config: CaptureConfig, rng: np.random.Generator) -> Ints:
    """When sessions begin, ascending."""
    gaps, rate, seconds = codec.arrivals.gaps, config.rate, config.duration
    starts = draw_starts(gaps, sessions, rng, begin_ns=config.start, rate=rate, duration_s=seconds)
    return starts if codec.day is None else codec.day.spread(starts)


def _observed(rows: FlowRows, shelf: Shelf, filling: streamed.Filling) -> tuple[Ints, Ints]:
    """When something happens in the flows of a shelf (F, EVENTS), ns after they begin, and what `steps_of` says."""
    events, steps = np.zeros((len(rows), EVENTS), np.int64), np.zeros(len(rows), np.int64)
    for numbers, happens, counted in streamed.compiled(rows, shelf, filling, _happens):
        events[numbers], steps[numbers] = happens, counted
    return events, steps


def _happens(piece: streamed.Piece) -> tuple[Ints, Ints, Ints]:
    segments, owner = piece.packets.segments, piece.packets.owner
    events = events_of(owner, segments["direction"], segments["time_ns"], len(piece.numbers))
    return piece.numbers, events, steps_of(piece.rows)
