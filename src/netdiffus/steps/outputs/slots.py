"""Flows for the slots of sessions: drawn by the model of flows until each slot has one of its kind.

A slot asks for a class, a server port and an IP version. Flows of the class are drawn, and those that no slot asks for
are left: what remains is what the model draws given port and version. So are flows that contradict themselves, whose
packets do not end as their ending says, or break the rules of how connections begin and end. Within a kind, the slots
that are to take longest get the flows that do.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Generator
from dataclasses import dataclass, field

import numpy as np

from netdiffus.arrays import Bools, Floats, Ints
from netdiffus.compiler.compile import keeping
from netdiffus.compiler.features.bodies import Sketch
from netdiffus.compiler.rules import Broken
from netdiffus.compiler.sessions.codec import ANY_PORT, SessionsCodec, Slots
from netdiffus.compiler.shelf import Shelf
from netdiffus.compiler.specs import SERVER
from netdiffus.models.sampling import Request
from netdiffus.steps.outputs.order import Drawn, Order

ROUNDS, MORE, LEAST, MOST = 6, 1.1, 16, 1 << 14
"""How often flows of a class are drawn; how many more than seem to be needed; at least and at most at a time."""
STREAM = 0x51075
ENDS = Broken.FLAGS | Broken.HANDSHAKE | Broken.CLOSE | Broken.RESET
"""Rules that a flow of a slot keeps; what breaks others is changed by the compiler."""
OTHER = "a flow of another port or IP version than its session asked for (flows)"

Key = tuple[int, int]
"""Server port (ANY_PORT: none that has a kind of its own) and IP version."""


@dataclass
class Filler:
    """Slots that wait for flows.

    Attributes:
        slot: of each flow on the shelf, in its order. changed: packets or flows that are not as drawn, by reason.
    """

    order: Order
    slots: Slots
    version: Ints
    codec: SessionsCodec
    shelf: Shelf
    slot: list[int] = field(default_factory=list)
    changed: Counter[str] = field(default_factory=Counter)

    def fill(self) -> Generator[Drawn, None, None]:
        """Draw flows onto the shelf, those of look-ups first; yields a record per batch."""
        asking = set(self.slots.classes[self.slots.lookup].tolist())
        for number in sorted(set(self.slots.classes.tolist()), key=lambda each: (each not in asking, each)):
            yield from self._of_class(number)

    def _of_class(self, number: int) -> Generator[Drawn, None, None]:
        wanted: dict[Key, list[int]] = defaultdict(list)
        for slot in np.flatnonzero(self.slots.classes == number).tolist():
            wanted[int(self.slots.port[slot]), int(self.version[slot])].append(slot)
        named = np.unique(self.slots.port[self.slots.classes == number])
        named = np.union1d(named, self.codec.kinds[self.codec.kinds[:, 0] == number, 1])
        drawn = used = 0
        for attempt in range(ROUNDS):
            missing = sum(map(len, wanted.values()))
            if not missing:
                return
            last = attempt == ROUNDS - 1
            share = max(used, 1) / max(drawn, 1) if drawn else 1.0
            count = missing if last else int(np.clip(MORE * missing / share, LEAST, max(MOST, missing)))
            for sketch in self._drawn(number, attempt, count):
                sound = _sound(sketch) | last
                chosen, slots = _matching(sketch, sound, wanted, named, anything=last)
                if last:
                    _set(sketch, chosen, self.slots.port[slots], self.version[slots], self.changed)
                self.shelf.add(sketch.select(chosen))
                self.slot += slots
                drawn, used = drawn + len(chosen), used + len(slots)
                yield Drawn(len(self.slot), len(self.slots))

    def _drawn(self, number: int, attempt: int, count: int) -> Generator[Sketch, None, None]:
        seeds = np.random.SeedSequence(self.order.config.seed, spawn_key=(STREAM, number, attempt))
        request = Request(np.full(count, number), self.order.how, int(seeds.generate_state(1)[0]))
        for draw in self.order.model.sample(request):
            sketch, reasons = draw.sketch(self.order.config.most)
            self.changed.update(reasons)
            yield sketch


def _sound(sketch: Sketch) -> Bools:
    """Which flows of a sketch (F,) do not contradict themselves: they begin and end as connections do, and as drawn."""
    return sketch.as_ended & keeping(sketch.head, ENDS)


def _matching(
    sketch: Sketch, sound: Bools, wanted: dict[Key, list[int]], named: Ints, *, anything: bool
) -> tuple[Bools, list[int]]:
    """Which sound flows (F,) of a sketch slots ask for, and their slots; slots that are filled leave `wanted`."""
    flows, chosen, slots = sketch.head.flows, np.zeros(len(sketch.head), np.bool_), list[int]()
    port = flows["port"][:, SERVER].astype(np.int64)
    port = np.where(np.isin(port, named), port, ANY_PORT)
    for flow, key in enumerate(zip(port.tolist(), flows["version"].tolist(), strict=True)):
        waiting = wanted.get(key) if sound[flow] else None
        if not waiting and anything:
            waiting = next((some for some in wanted.values() if some), None)
        if waiting:
            chosen[flow] = True
            slots.append(waiting.pop())
    return chosen, slots


def _set(sketch: Sketch, chosen: Bools, port: Ints, version: Ints, changed: Counter[str]) -> None:
    """Give the chosen flows the ports and versions that are asked for."""
    flows = sketch.head.flows
    here = np.flatnonzero(chosen)
    wrong = ((port != ANY_PORT) & (flows["port"][here, SERVER] != port)) | (flows["version"][here] != version)
    changed[OTHER] += int(wrong.sum())
    flows["port"][here, SERVER] = np.where(port != ANY_PORT, port, flows["port"][here, SERVER])
    flows["version"][here] = version


def coupled(slot: Ints, slots: Slots, version: Ints, duration_ns: Floats) -> Ints:
    """The slot of each flow (F,) anew: of the slots of one kind and version, the longest for the longest flow.

    Args:
        slot: that each flow has. duration_ns: how long each flow takes.
    """
    found = slot.copy()
    kind = slots.kind[slot] * 8 + version[slot]
    flows = np.lexsort((duration_ns, kind))
    places = np.lexsort((slots.duration_ns[slot], kind))
    found[flows] = slot[places]
    return found
