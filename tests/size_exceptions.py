"""Functions that are longer or wider than the limits of the code, each with its reason; test_lint.py reads them.

A kernel's parameters are columns of one block: compiled code is loaded without numba's compiler, so it takes arrays and
numbers, not records of arrays. A kernel that is one loop over a state stays whole where a split would hand that state
over at every packet.
"""

ONE_LOOP = "one loop over packets with a state that every branch reads and writes"
FORMAT = "one pass over the bytes of a format, a branch for each of its forms"
COLUMNS = "columns of one block, as a kernel takes them"
FIELDS = "one field of a header each, all with defaults"

LONG = {
    "src/netdiffus/compiler/features/chain_draw.py::draw_tokens": ONE_LOOP,
    "src/netdiffus/compiler/headers.py::_parse": FORMAT,
    "src/netdiffus/compiler/tcp_connection.py::_assign": ONE_LOOP,
    "src/netdiffus/compiler/tcp_numbers.py::_infer": ONE_LOOP,
    "src/netdiffus/compiler/timestamps.py::_assign": ONE_LOOP,
    "src/netdiffus/traffic/flows/kernels.py::track": ONE_LOOP,
    "src/netdiffus/wire/conformance/ipv4.py::_judge": "a line or two for each of the rules of one header",
    "src/netdiffus/wire/conformance/options.py::_read": FORMAT,
    "src/netdiffus/wire/files/pcapng.py::_scan": FORMAT,
    "src/netdiffus/wire/headers/link_headers.py::through_links": FORMAT,
    "src/netdiffus/wire/nprint/lines.py::parse_lines": FORMAT,
}
"""More than 40 lines without the docstring."""

WIDE = {
    "src/netdiffus/api/verbs.py::evaluate": "the options of the command, by name",
    "src/netdiffus/diffusion/causal.py::__init__": "the shape of a network, by name",
    "src/netdiffus/diffusion/forcing.py::loss": "a batch, its noise and what is known of it, by name",
    "src/netdiffus/imaging/codec.py::fit": "what a codec is fitted to, by name",
    "tests/wire_packets.py::ipv4": FIELDS,
    "tests/wire_packets.py::tcp": FIELDS,
    **dict.fromkeys(
        (
            "src/netdiffus/compiler/features/chain_draw.py::draw_tokens",
            "src/netdiffus/compiler/features/windows.py::draw_windows",
            "src/netdiffus/compiler/headers.py::_parse",
            "src/netdiffus/compiler/icmp.py::_assign",
            "src/netdiffus/compiler/streams.py::_place",
            "src/netdiffus/compiler/ip.py::_assign",
            "src/netdiffus/compiler/payload.py::_build",
            "src/netdiffus/compiler/tcp_connection.py::_assign",
            "src/netdiffus/compiler/tcp_numbers.py::_as_asked",
            "src/netdiffus/compiler/tcp_numbers.py::_infer",
            "src/netdiffus/compiler/tcp_segment.py::legal_blocks",
            "src/netdiffus/compiler/tcp_segment.py::legal_bytes",
            "src/netdiffus/compiler/timestamps.py::_assign",
            "src/netdiffus/compiler/timestamps.py::_infer",
            "src/netdiffus/compiler/timing.py::_times",
            "src/netdiffus/traffic/anonymise/addresses.py::_transport",
            "src/netdiffus/traffic/anonymise/addresses.py::_walk",
            "src/netdiffus/traffic/flows/frames.py::_place",
            "src/netdiffus/traffic/flows/frames.py::_place_headers",
            "src/netdiffus/traffic/flows/kernels.py::track",
            "src/netdiffus/wire/conformance/flows.py::_assign",
            "src/netdiffus/wire/conformance/segments.py::_negotiated",
            "src/netdiffus/wire/conformance/segments.py::judge",
            "src/netdiffus/wire/conformance/times.py::_judge",
            "src/netdiffus/wire/files/pcap.py::_scan",
            "src/netdiffus/wire/files/pcapng.py::_scan",
            "src/netdiffus/wire/files/records.py::frame_pcap",
            "src/netdiffus/wire/files/records.py::frame_pcapng",
            "src/netdiffus/wire/headers/tunnels.py::_enter",
            "src/netdiffus/wire/nprint/bits.py::_rows",
            "src/netdiffus/wire/nprint/lines.py::parse_lines",
            "src/netdiffus/wire/nprint/lines.py::write_lines",
            "src/netdiffus/wire/nprint/packets.py::_network",
            "src/netdiffus/wire/nprint/packets.py::_packets",
        ),
        COLUMNS,
    ),
}
"""More than 7 parameters."""
