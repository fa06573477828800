"""Captures: drawn flows are compiled to packets, with labels beside them; what the compiler changed is counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from netdiffus.arrays import Ints
from netdiffus.compiler import (
    FlowRows,
    Packets,
    by_label,
    compile_rows,
    draw_starts,
    fresh_endpoints,
    label_table,
    write_packets,
)
from netdiffus.compiler.arrivals import LATEST_NS
from netdiffus.compiler.payload import Content
from netdiffus.compiler.payloads import PAYLOADS, Filler, Payload
from netdiffus.compiler.runs import Runs
from netdiffus.compiler.shelf import Shelf
from netdiffus.errors import InputError
from netdiffus.manifest import JsonObject
from netdiffus.models.codecs import Codec
from netdiffus.models.packet_codec import PacketCodec
from netdiffus.models.prompts.codec import PromptCodec
from netdiffus.steps.outputs import sessions, streamed
from netdiffus.steps.outputs.capture_config import CaptureConfig, is_capture_name
from netdiffus.steps.outputs.order import Drawn, DrawnFlows, Order, draw_flows
from netdiffus.steps.outputs.streamed_files import write_stream
from netdiffus.steps.outputs.written import CaptureWritten, summary
from netdiffus.store.account import names_of_result, write_accounts
from netdiffus.store.labelfolders import label_folders
from netdiffus.store.place import followed
from netdiffus.store.publish import publish_files
from netdiffus.traffic.labels.names import labels_path
from netdiffus.traffic.payload.knowledge import PayloadKnowledge
from netdiffus.traffic.tables.csv_cells import guarded
from netdiffus.wire.files.writer import PCAP_END_NS, Origin
from netdiffus.wire.nprint.capture import is_nprint_name


def check_start(out: Path, config: CaptureConfig) -> None:
    """Raise InputError if a file of this name cannot hold times that begin at config.start."""
    pcap = out.suffix.lower() == ".pcap" or is_nprint_name(out)  # nPrint rows become a pcap
    if pcap or is_capture_name(out):
        lowest, end, held = 0, PCAP_END_NS if pcap else LATEST_NS, "from 1970 to 2105" if pcap else "from 1970 to 2261"
    else:
        lowest, end, held = -(1 << 63), LATEST_NS, "from 1678 to 2261"
    if not lowest <= config.start < end:
        raise InputError(f"--start {held} for {out.name}", f"{config.start} ns", "choose another time or form")


def draw_capture(order: Order) -> Generator[Drawn, None, CaptureWritten]:
    """Draw flows and write them as a capture, or one per label; where no flow knows of another, packet by packet."""
    if is_streamed(order):
        return (yield from stream_capture(order))
    drawn = yield from draw_flows(order)
    config, known = payload_config(order)
    made_by = order.made_by | {"capture": config.model_dump()}
    gaps, seed = arrival_gaps_of(order.model.manifest.codec), order.config.seed
    return write_capture(order.out, drawn, gaps, config, seed, made_by, known)


def payload_config(order: Order) -> tuple[CaptureConfig, PayloadKnowledge | None]:
    """The options of captures with the kind of payload settled, and what the model knows of payload."""
    known = order.model.manifest.card.payload
    return order.capture.settled(known=known is not None), known


def is_whole(order: Order) -> bool:
    """Whether the order's model draws flows to their ends."""
    codec = order.model.manifest.codec
    return isinstance(codec, PacketCodec) and codec.fields.whole


def is_streamed(order: Order) -> bool:
    """Whether packets go to the file without ever being held together.

    The protocols of flows that are not whole are written of all flows at once: a look-up asks for later servers.
    """
    config, _ = payload_config(order)
    alone = isinstance(builder_of(config), Filler) and not config.per_label
    return is_whole(order) or (isinstance(order.model.manifest.codec, PacketCodec) and alone)


def check_whole(order: Order) -> None:
    """Raise InputError unless the order's model draws flows to their ends."""
    if not is_whole(order):
        raise InputError(
            "a model of whole flows for --packets all", f"one of {order.model.manifest.codec.length:,} packets of each",
            "prepare the captures again with --packets all, and train with --image fields",
        )  # fmt: skip


def stream_capture(order: Order) -> Generator[Drawn, None, CaptureWritten]:
    """The same of a model of packets, in memory that their packets do not fill."""
    codec, (config, known) = order.model.manifest.codec, payload_config(order)
    if not isinstance(codec, PacketCodec):
        raise TypeError(f"a {codec.kind} codec has no flows")
    with streamed.scratch() as below:
        shelf, runs = (streamed.folder_in(below, name) for name in ("drawn", "runs"))
        filling = streamed.Filling(codec, builder_of(config), known, order)
        stream, not_as_drawn = yield from _stream(Shelf(shelf), Runs(runs), config, filling)
        flows = stream.flows
        named, labels = followed(order.out), np.array(flows.labels)
        every = {named: np.ones(len(flows), np.bool_)}
        if config.per_label:
            distinct = sorted(set(flows.labels))
            every = {path: labels == label for path, label in zip(per_label(named, distinct), distinct, strict=True)}
        with publish_files(files_of(list(every))) as folder:
            staged = {folder / path.name: chosen for path, chosen in every.items()}
            counts = write_stream(stream, order, staged)
            files = dict(zip(every, counts.values(), strict=True))
            found = stream.written_flows, stream.changes, not_as_drawn, dict(stream.spoken), dict(stream.misfits)
            made = CaptureWritten(files, *found)
            write_accounts(list(staged), order.made_by | {"capture": config.model_dump()} | summary(made))
    return made


def _stream(
    shelf: Shelf, runs: Runs, config: CaptureConfig, filling: streamed.Filling
) -> Generator[Drawn, None, tuple[streamed.Stream, dict[str, int]]]:
    """Draw flows, singly or in sessions; returns their packets, and those that are not as drawn, by reason."""
    order, codec = filling.order, filling.codec
    if order.config.sessions is None:
        not_as_drawn = yield from streamed.draw_onto(order, shelf, whole=is_whole(order))
        flows = between_hosts(shelf.take_flows(), codec.arrivals.gaps, config, np.random.default_rng(order.config.seed))
        return streamed.compiled_stream(flows, shelf, runs, filling), not_as_drawn
    placed = yield from sessions.draw_sessions(order, order.config.sessions, shelf, config, filling)
    names: dict[bytes, str] = {}
    company = partial(placed.company, names=names)
    stream = streamed.compiled_stream(placed.flows, shelf, runs, filling, company)
    stream.session = placed.session
    return stream, placed.not_as_drawn


def arrival_gaps_of(codec: Codec) -> Ints:
    """Gaps between the starts of flows that a model of packets learned, ns.

    Raises:
        TypeError: the codec is of another model, which draws no flows.
    """
    if not isinstance(codec, PacketCodec | PromptCodec):
        raise TypeError(f"a {codec.kind} codec has no flows")
    return codec.arrivals.gaps


def compiled_flows(drawn: DrawnFlows, order: Order) -> Packets:
    """The packets of drawn flows, between fresh hosts and with fresh starts."""
    gaps, rng = arrival_gaps_of(order.model.manifest.codec), np.random.default_rng(order.config.seed)
    return compile_rows(placed(drawn.rows, gaps, payload_config(order)[0], rng))


def builder_of(config: CaptureConfig) -> Payload:
    """The builder of payload that is chosen."""
    return PAYLOADS[config.settled(known=False).payload or ""]


def payload_of(
    packets: Packets, config: CaptureConfig, seed: int, known: PayloadKnowledge | None = None
) -> str | Content:
    """What fills compiled packets: the bytes of the chosen builder, or the policy that it leaves them to."""
    builder = builder_of(config)
    content = builder.content(packets, seed, known)
    return builder.policy if content is None else content


def written(
    files: Mapping[Path, int], packets: Packets, drawn: DrawnFlows, payload: Sequence[str | Content] = ()
) -> CaptureWritten:
    """What was written of compiled flows, and with which payload, by file."""
    contents = [each for each in payload if isinstance(each, Content)]
    spoken, misfits = (
        dict(sum((Counter(getattr(each, name)) for each in contents), Counter())) for name in ("written", "misfits")
    )
    flows = len(np.unique(packets.owner))
    return CaptureWritten(files, flows, packets.changes, dict(drawn.not_as_drawn), spoken, misfits)


def write_capture(
    out: Path,
    drawn: DrawnFlows,
    gaps: Ints,
    config: CaptureConfig,
    seed: int,
    provenance: JsonObject,
    known: PayloadKnowledge | None = None,
) -> CaptureWritten:
    """Compile flows and write them, interleaved in time, with FILE.labels.csv and FILE.json beside each capture.

    Args:
        drawn: what to send; addresses, ports and initial numbers are drawn here.
        gaps: between the starts of real flows, ns, to draw starts from.
        seed: of every draw.
        provenance: what the flows were made by; "model" and "netdiffus" are named in a pcapng.
        known: of what labels speak.

    Raises:
        InputError: a network is wrong or too small, or both rate and duration are given.
    """
    packets = compile_rows(placed(drawn.rows, gaps, config, np.random.default_rng(seed)))
    named = followed(out)
    parts = {named: packets}
    if config.per_label:
        of_labels = by_label(packets)
        parts = dict(zip(per_label(named, of_labels), of_labels.values(), strict=True))
    with publish_files(files_of(list(parts))) as folder:
        staged = {folder / path.name: part for path, part in parts.items()}
        payload = [payload_of(part, config, seed, known) for part in parts.values()]
        counts = [
            write_compiled(path, part, config, seed, provenance, carried)
            for (path, part), carried in zip(staged.items(), payload, strict=True)
        ]
        made = written(dict(zip(parts, counts, strict=True)), packets, drawn, payload)
        write_accounts(list(staged), dict(provenance) | summary(made))
    return made


def per_label(out: Path, labels: Iterable[str]) -> list[Path]:
    """The captures that --per-label makes of `out`, one for each label."""
    return [out.with_name(f"{out.stem}.{folder}{out.suffix}") for folder in label_folders(labels).values()]


def files_of(captures: list[Path]) -> list[Path]:
    """All files of a result of these captures."""
    return [captures[0].with_name(name) for name in names_of_result(captures)]


def placed(rows: FlowRows, gaps: Ints, config: CaptureConfig, rng: np.random.Generator) -> FlowRows:
    """The flows between fresh hosts, with fresh starts, labels mixed in time, and sizes that their payload has.

    Arguments are those of write_capture.
    """
    return between_hosts(builder_of(config).propose(rows, rng), gaps, config, rng)


def between_hosts(rows: FlowRows, gaps: Ints, config: CaptureConfig, rng: np.random.Generator) -> FlowRows:
    """The same with the sizes that they have."""
    fresh = fresh_endpoints(rows, rng, client_nets=config.client_net, server_nets=config.server_net)
    starts = draw_starts(gaps, len(rows), rng, begin_ns=config.start, rate=config.rate, duration_s=config.duration)
    fresh.flows["start_ns"] = rng.permutation(starts)
    return fresh


def write_compiled(
    path: Path, packets: Packets, config: CaptureConfig, seed: int, provenance: JsonObject, payload: str | Content
) -> int:
    """Write one capture of compiled flows, and its labels beside it; arguments as of write_capture; returns packets."""
    made_by = f"netdiffus {provenance['netdiffus']}"
    comment = f"synthetic, {made_by}, model {str(provenance['model'])[:16]}, seed {seed}"
    with path.open("wb") as file:
        n = write_packets(
            file,
            packets,
            form=path.suffix.lower(),
            link=config.link,
            payload=payload,
            seed=seed,
            origin=Origin(comment, made_by),
        )
    with labels_path(path).open("wb") as file:
        guarded(label_table(packets)).write_csv(file)
    return n
