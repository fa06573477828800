"""Shapes keep what many flows of many hosts share, and nothing that somebody could be told by."""

import re

import numpy as np
import polars as pl
import pytest

from netdiffus.errors import InputError
from netdiffus.traffic.payload.shapes import LEAST_FLOWS, LEAST_PAIRS, Mould, Shape, shape_of
from netdiffus.traffic.payload.tally import Tally
from payload_talks import fill_of

MARK = b"\xfe\xed\x07\x01"
ADDRESS = bytes([203, 0, 113, 9])


def shape(datas: list[bytes], pairs: int = 10, sizes: list[int] | None = None) -> Shape | None:
    numbers = np.arange(len(datas)) % pairs
    return shape_of(0, 0, datas, np.array(sizes or [len(data) for data in datas]), numbers, {ADDRESS})


def constants(found: Shape) -> set[int]:
    return {int(value, 16) for place in found.places for value in re.findall(r"([0-9a-f]{2}):", place)}


def random_tails(n: int, seed: int = 0) -> list[bytes]:
    return [bytes(row) for row in np.random.default_rng(seed).integers(0, 256, (n, 8), np.uint8)]


def test_what_all_share_is_kept_and_the_rest_is_drawn_anew() -> None:
    datas = [MARK + b"%02d" % k + tail for k, tail in enumerate(random_tails(40))]
    found = shape(datas)
    assert found.places[:4] == ["fe:40 ", "ed:40 ", "07:40 ", "01:40 "]
    assert found.places[5] == "digit:40"
    assert found.places[6].startswith("any:40")
    drawn = {Mould(found).drawn(14, fill_of(seed)) for seed in range(20)}
    assert all(data[:4] == MARK and data[5:6].isdigit() and len(data) == 14 for data in drawn)
    assert len(drawn) == 20
    assert Mould(found).drawn(3, fill_of()) == MARK[:3]


@pytest.mark.parametrize(("flows", "pairs"), [(LEAST_FLOWS - 1, 19), (60, LEAST_PAIRS - 1), (60, 1)])
def test_too_few_flows_or_hosts_share_nothing(flows, pairs) -> None:
    assert shape([MARK + tail for tail in random_tails(flows)], pairs) is None


def test_what_one_host_or_few_flows_say_is_not_kept() -> None:
    """A secret in fewer than k flows, and another in many flows of one pair of hosts, among many other flows."""
    rng = np.random.default_rng(1)
    others = [MARK + bytes(row) for row in rng.integers(128, 256, (200, 8), np.uint8)]
    few, one = [MARK + b"secret-1"] * (LEAST_FLOWS - 1), [MARK + b"SECRET+2"] * 60
    pairs = np.concatenate([np.arange(200) % 50, np.arange(len(few)) + 50, np.full(len(one), 90)])
    datas = [*others, *few, *one]
    found = shape_of(0, 0, datas, np.array([len(data) for data in datas]), pairs, set())
    kept = constants(found)
    assert set(MARK) <= kept
    assert not kept & (set(b"secret-1SECRET+2") - set(MARK))


@pytest.mark.parametrize(
    "text",
    [
        b"mail.corp.com", b"192.0.2.77", b"de:ad:be:ef:00:01", b"anna@corp", b"user=annabell", b"Cookie: abcdefgh",
        b"\x04mail\x04corp\x03com\x00", b"0123456789abcdef01", ADDRESS, b"token:qwertz",
    ],
)  # fmt: skip
def test_names_addresses_and_secrets_are_drawn_anew_even_where_all_share_them(text) -> None:
    found = shape([MARK + text + tail for tail in random_tails(60)], 20)
    secret = text.split(b"=")[-1].split(b": ")[-1]
    for seed in range(50):
        assert secret not in Mould(found).drawn(4 + len(text) + 8, fill_of(seed))
    assert found.places[0] == "fe:60 "


def test_length_fields_follow_the_drawn_size() -> None:
    rng = np.random.default_rng(2)
    sizes = rng.integers(40, 900, 60).tolist()
    datas = [b"\x07" + (size - 3).to_bytes(2, "big") + size.to_bytes(2, "little") + b"\x00" * 20 for size in sizes]
    found = shape(datas, 20, sizes)
    assert found.places[1] == "length2be-3"
    drawn = Mould(found).drawn(500, fill_of())
    assert int.from_bytes(drawn[1:3], "big") == 497
    assert int.from_bytes(drawn[3:5], "little") == 500


def flows_and_packets(datas: list[bytes]) -> tuple[pl.DataFrame, pl.DataFrame]:
    n = len(datas)
    flows = pl.DataFrame(
        {
            "row": range(n), "trace_id": range(n), "label": ["odd"] * n, "protocol": ["udp"] * n,
            "client": [f"10.0.0.{k % 40}" for k in range(n)], "server": ["10.1.0.1"] * n, "server_port": [4711] * n,
        }
    )  # fmt: skip
    packets = pl.DataFrame(
        {
            "trace_id": range(n), "index": [0] * n, "direction": pl.Series([0] * n, dtype=pl.Int8), "payload": datas,
            "payload_bytes": [len(data) for data in datas],
        }
    )  # fmt: skip
    return flows, packets


def test_only_flows_to_train_on_are_counted() -> None:
    tally = Tally()
    tally.add(*flows_and_packets([MARK + tail for tail in random_tails(60)]))
    assert tally.knowledge(range(60)).shapes[0].shapes[0].flows == 60
    known = tally.knowledge(range(15))
    assert not known.shapes
    assert known.speeches[0].protocols == {"": 15}


def test_text_that_only_a_person_can_judge_is_refused_with_anonymise() -> None:
    tally = Tally()
    tally.add(*flows_and_packets([b"HELLO ANNABELL" + tail for tail in random_tails(60)]))
    assert tally.knowledge(range(60)).shapes
    with pytest.raises(InputError, match="shapes without text for --payload-shapes with --anonymise; got 'HELLO ANN"):
        tally.knowledge(range(60), anonymise=True)
    other = Tally()
    other.add(*flows_and_packets([MARK + tail for tail in random_tails(60)]))
    assert other.knowledge(range(60), anonymise=True).shapes
