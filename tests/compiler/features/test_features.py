"""Rows → series of a model's channels → rows: what the channels hold comes back, and what they do not is counted."""

import json
from dataclasses import replace

import numpy as np
import pytest

from netdiffus.compiler import FlowRows, compile_rows, concatenate, fresh_endpoints
from netdiffus.compiler.compile import keeping
from netdiffus.compiler.features.codec import CHANNELS, OF_PACKET, FieldsCodec, first_packets
from netdiffus.compiler.features.option_templates import own, plain
from netdiffus.compiler.features.packet_types import ID_SMALL
from netdiffus.compiler.features.vocabulary import Vocabulary
from netdiffus.compiler.rules import Broken
from netdiffus.compiler.tcp_options import CANONICAL
from netdiffus.models.whole_flows import flow_ends
from netdiffus.wire.headers.fields import FIN, RST
from real_sessions import recorded

LABELS = ("attack-scan", "bittorrent", "dns", "ssh", "web")
DRAWN = {"ts_offset", "label_step", "urgent", "echo_offset", "ack_offset", "sack_offset", "icmp_rest"}
"""Fields of a row that no channel holds."""


def flows(label: str, length: int = 64) -> FlowRows:
    """First packets of a recording's flows, in memory of their own."""
    rows = first_packets(recorded(label)[0], length)
    return replace(rows, rows=rows.rows.copy(), flows=rows.flows.copy())


def step_class(step: np.ndarray) -> np.ndarray:
    return np.select([step <= 1, step <= ID_SMALL], [step, 2], 3)


@pytest.mark.parametrize("label", LABELS)
def test_what_the_channels_hold_comes_back(label) -> None:
    rows = flows(label)
    codec = FieldsCodec.fit(rows, 64)
    series, lost = codec.encode(rows)
    back, changed = codec.decode(series, rows.labels, np.random.default_rng(0))
    assert not changed
    np.testing.assert_array_equal(back.counts, rows.counts)
    assert [back.layouts[k] for k in back.rows["layout"]] == [rows.layouts[k] for k in rows.rows["layout"]]
    for name in set(rows.rows.dtype.names) - DRAWN - {"layout", "id_step", "seq_offset", "seq_from"}:
        np.testing.assert_array_equal(back.rows[name], rows.rows[name], err_msg=name)
    np.testing.assert_array_equal(step_class(back.rows["id_step"]), step_class(rows.rows["id_step"]))
    for name in ("seq_offset", "seq_from"):
        assert np.count_nonzero(back.rows[name] != rows.rows[name]) <= lost.get("a sequence number elsewhere", 0)
    for name in ("version", "protocol"):
        np.testing.assert_array_equal(back.flows[name], rows.flows[name])
    port, kept = back.flows["port"][:, 1], rows.flows["port"][:, 1]
    assert ((port == kept) | (port == 0)).all()
    assert np.count_nonzero(port != kept) == lost.get("a server port that is drawn anew (flows)", 0)


@pytest.mark.parametrize("label", LABELS)
def test_the_same_packets_are_compiled_from_both(label) -> None:
    """With timestamps by the sender's clock, no other difference is left in flows that the channels hold whole."""
    rows = flows(label)
    for name in DRAWN:
        rows.rows[name] = 0
    rows.rows["id_step"][rows.rows["id_step"] > 1] = 1
    codec = FieldsCodec.fit(rows, 64)
    whole = np.array([not _lost(codec, rows, k) for k in range(min(len(rows), 60))])
    assert whole.mean() > 0.8
    some = rows.select(np.arange(len(rows)) < 60)
    back, _ = codec.decode(codec.encode(some)[0], some.labels, np.random.default_rng(0))
    back.flows[:] = some.flows
    a, b = compile_rows(some), compile_rows(back)
    for name in ("seq", "ack", "flags", "window", "size", "time_ns", "ts_value", "id", "ttl", "mss", "wscale"):
        different = np.isin(np.unique(a.owner[a.segments[name] != b.segments[name]]), np.flatnonzero(whole))
        assert not different.any(), name


def _lost(codec: FieldsCodec, rows: FlowRows, flow: int) -> dict[str, int]:
    lost = codec.encode(rows.select(np.arange(len(rows)) == flow))[1]
    lost.pop("a server port that is drawn anew (flows)", None)
    return lost


def test_what_cannot_be_held_is_counted() -> None:
    rows = flows("web", 8)
    codec = FieldsCodec.fit(rows, 8)
    rows.rows["urgent"][3] = 7
    rows.rows["ts_offset"][:] = 0
    rows.rows["flags"][0] = 0x0FF
    lost = codec.encode(rows)[1]
    assert lost["an urgent pointer"] == 1
    assert lost["a kind of packet that training did not have"] == 1
    assert "a timestamp beside the sender's clock" not in lost
    longer = recorded("web")[0]
    assert codec.encode(longer)[1]["packets beyond the model's length (flows)"] == (longer.counts > 8).sum()


def test_the_channels_and_where_they_have_values() -> None:
    rows = flows("dns", 4)
    series = FieldsCodec.fit(rows, 4).encode(rows)[0]
    assert series.shape == (len(rows), len(CHANNELS), 4)
    present = ~np.isnan(series)
    np.testing.assert_array_equal(present[:, :OF_PACKET].sum(axis=2), np.repeat(rows.counts[:, None], OF_PACKET, 1))
    np.testing.assert_array_equal(present[:, OF_PACKET:].sum(axis=2), 1)
    assert set(series[:, CHANNELS.index("server_port"), 0]) == {53}


def test_any_numbers_become_flows_that_compile() -> None:
    rows = concatenate([flows("web", 16), flows("dns", 16)])
    codec = FieldsCodec.fit(rows, 16)
    rng = np.random.default_rng(0)
    series = np.full((200, len(CHANNELS), 16), np.nan)
    for flow, count in enumerate(rng.integers(1, 17, 200)):
        series[flow, :, :count] = rng.normal(0, 300, (len(CHANNELS), count))
    series[0, 1, 0] = np.nan
    back, changed = codec.decode(series, ("web",) * 200, rng)
    assert changed["a channel without a value inside a flow"] == 1
    assert changed["a packet of another protocol than its flow's"] > 0
    packets = compile_rows(fresh_endpoints(back, rng))
    assert set(packets.labels) == {"web"}
    assert packets.changes.by_rule


def test_json_holds_everything() -> None:
    rows = flows("ssh", 16)
    codec = FieldsCodec.fit(rows, 16)
    again = FieldsCodec.from_json(json.loads(json.dumps(codec.to_json())))
    np.testing.assert_array_equal(codec.encode(rows)[0], again.encode(rows)[0])
    assert again.to_json() == codec.to_json()


def test_no_address_is_kept() -> None:
    rows = flows("web", 16)
    rows.flows["address"] = np.random.default_rng(0).integers(1 << 40, 1 << 62, rows.flows["address"].shape)
    text = json.dumps(FieldsCodec.fit(rows, 16).to_json())
    assert not any(str(part) in text for part in np.unique(rows.flows["address"]).tolist())


def test_options_that_are_not_known_stay_behind() -> None:
    known = bytes([2, 4, 0, 0, 1, 3, 3, 0])
    assert plain(known) == known
    secret = bytes([2, 4, 0, 0, 30, 12]) + b"my key 123" + bytes([1, 1])
    assert len(secret) % 4 == 2
    assert plain(secret) == b"", "malformed: no whole tokens"
    assert plain(secret[:-2] + b"") in CANONICAL
    assert plain(bytes([1, 1, 8, 10]) + bytes(8)) == CANONICAL[8]
    assert own(bytes([1, 1, 5, 10]) + bytes(8)) == CANONICAL[16]


def test_tokens_are_in_lexicographic_order_and_counted_however_wide_their_numbers_are() -> None:
    rng = np.random.default_rng(0)
    for width, bound in ((1, 3), (5, 1 << 10), (16, 1 << 31)):
        seen = rng.integers(-bound, bound, (50, width))
        seen[:, : width // 2] %= 2
        seen = seen[rng.integers(0, len(seen), 200)]
        tokens, counts = np.unique(seen, axis=0, return_counts=True)
        found = Vocabulary.fit(seen)
        np.testing.assert_array_equal(found.tokens, tokens)
        np.testing.assert_array_equal(found.counts, counts)
        places, exact = found.places(seen)
        assert exact.all()
        np.testing.assert_array_equal(found.tokens[places], seen)


def test_an_unknown_token_becomes_the_nearest() -> None:
    tokens = Vocabulary.fit(np.array([[6, 0, 2], [6, 0, 16], [6, 0, 16], [17, 0, 0]]))
    places, exact = tokens.places(np.array([[6, 0, 16], [6, 0, 24], [17, 1, 5], [99, 0, 0]]))
    np.testing.assert_array_equal(tokens.tokens[places], [[6, 0, 16], [6, 0, 16], [17, 0, 0], [6, 0, 16]])
    np.testing.assert_array_equal(exact, [True, False, False, False])
    assert tokens.usual((0,), (17,)) == 2
    assert tokens.usual((0,), (5,)) == -1


def test_whole_flows_that_do_not_end_as_their_ending_says_are_found() -> None:
    rows = flows("web", 1000)
    ends = flow_ends(rows, 16)
    codec = FieldsCodec.fit(ends, 16, whole=True)
    series, _ = codec.encode(ends)
    goes_on = rows.counts > 16
    assert codec.as_ended(series, goes_on).all()
    short = np.flatnonzero(~goes_on)
    assert len(short) > 50
    ending = CHANNELS.index("ending")
    longest = np.argmax((codec.endings.tokens >= 0).sum(axis=1))
    other = short[series[short, ending, 0] != longest]
    series[other, ending, 0] = longest
    assert not codec.as_ended(series, goes_on)[other].all()
    assert codec.as_ended(series, goes_on)[goes_on].all()


def test_a_flow_that_stays_open_does_not_close_before() -> None:
    rows = flows("web", 64)
    codec = FieldsCodec.fit(rows, 64)
    series, _ = codec.encode(rows)
    ending, tokens = CHANNELS.index("ending"), codec.endings.tokens
    shut = (tokens[series[:, ending, 0].astype(int)] >= 0).any(axis=1)
    closing = rows.rows["flags"] & (FIN | RST) != 0
    series[:, ending, 0] = np.flatnonzero((tokens < 0).all(axis=1))[0]
    back, changed = codec.decode(series, rows.labels, np.random.default_rng(0))
    assert changed == {"a packet that is none of its flow's ending": np.count_nonzero(closing)}
    assert not (back.rows["flags"] & (FIN | RST)).any()
    for name in ("flags", "direction", "size", "window"):
        np.testing.assert_array_equal(back.rows[name][~closing], rows.rows[name][~closing])
    np.testing.assert_array_equal(back.rows["direction"], rows.rows["direction"])
    np.testing.assert_array_equal(codec.as_ended(series), ~shut)
    nothing = replace(codec, endings=Vocabulary(tokens[(tokens < 0).all(axis=1)], np.ones(1, np.int64)))
    series[:, ending, 0] = 0
    assert not nothing.decode(series, rows.labels, np.random.default_rng(0))[1]


def test_which_flows_keep_rules() -> None:
    rows = flows("web", 1000)
    rules = Broken.CLOSE | Broken.RESET | Broken.HANDSHAKE
    before = keeping(rows, rules)
    assert before.mean() > 0.9  # the others have what generated flows may not
    last = (rows.first + rows.counts - 1)[:10]
    rows.rows["flags"][last - 3], rows.rows["size"][last], rows.rows["seq_from"][last] = 17, 100, 0
    rows.rows["direction"][last] = rows.rows["direction"][last - 3]
    kept = keeping(rows, rules)
    assert not kept[:10].any()
    np.testing.assert_array_equal(kept[10:], before[10:])


def test_a_flow_ends_as_its_token_says_unless_packets_follow() -> None:
    rows = flows("web", 16)
    codec = FieldsCodec.fit(rows, 16)
    series, _ = codec.encode(rows)
    ending, tokens = CHANNELS.index("ending"), codec.endings.tokens
    shut = int(np.argmax(np.where((tokens >= 0).any(axis=1), codec.endings.counts, 0)))
    still_open = np.flatnonzero((tokens[series[:, ending, 0].astype(int)] < 0).all(axis=1) & (rows.counts == 16))
    assert len(still_open) > 20
    series = series[still_open]
    series[:, ending, 0] = shut
    labels = tuple(rows.labels[k] for k in still_open)
    back, changed = codec.decode(series, labels, np.random.default_rng(0))
    assert changed["a packet that is none of its flow's ending"]
    known = np.count_nonzero(tokens[shut] >= 0)
    closing = np.bincount(back.owner, (back.rows["flags"] & (FIN | RST) != 0).astype(float))
    assert (closing > 0).all()
    assert (back.counts == 16).all()
    assert not codec.as_ended(series).any()
    cut, unchanged = codec.decode(series, labels, np.random.default_rng(0), np.ones(len(series), bool))
    assert not unchanged
    np.testing.assert_array_equal(
        cut.rows["flags"], rows.select(np.isin(np.arange(len(rows)), still_open)).rows["flags"]
    )
    last = (
        np.repeat(back.counts, back.counts) - (np.arange(len(back.rows)) - np.repeat(back.first, back.counts)) <= known
    )
    np.testing.assert_array_equal(back.rows["flags"][~last], cut.rows["flags"][~last])
