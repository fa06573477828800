"""Bit images become flows: nothing of a real one is changed, and what no packet can be is mended and counted."""

from collections import Counter

import numpy as np
import polars as pl
import pytest

from netdiffus import recordings
from netdiffus.compiler import Fidelity, compile_rows, rows_of_flows
from netdiffus.compiler.endpoints import neutral_endpoints
from netdiffus.imaging.bit_flows import (
    FACTS,
    FOLLOWS,
    OPTIONS,
    PARTIAL,
    PORTS,
    SIZES,
    Known,
    flows_of_images,
    packets_in,
)
from netdiffus.imaging.bits import BitsCodec
from netdiffus.imaging.option_bytes import nearest_options, structure
from netdiffus.models.prompts.images import images_of
from netdiffus.traffic.flows.reader import flows_of_capture

CODEC = BitsCodec()


@pytest.fixture(scope="module", params=["dns", "web", "ntp"])
def images(request):
    read = flows_of_capture(recordings.captures()[request.param][0], packets=8)
    chosen = read.flows.head(20)
    kept = read.packets.filter(pl.col("flow_id").is_in(chosen["flow_id"].implode()))
    rows, left_out = rows_of_flows(chosen, kept, request.param)
    return rows, images_of(rows, Counter(left_out), 8)


def test_nothing_of_a_real_flow_is_changed(images) -> None:
    rows, made = images
    levels = [made.image(k) for k in range(len(made))]
    found, mended = flows_of_images(CODEC, levels, list(rows.labels), Known(made.layouts), exact=True)
    assert not mended
    again = images_of(found, Counter(), 8)
    assert [again.image(k).tolist() for k in range(len(again))] == [each.tolist() for each in levels]


def test_images_are_of_neutral_hosts(images) -> None:
    rows, made = images
    neutral = neutral_endpoints(rows).flows
    assert len(np.unique(neutral["address"].reshape(len(rows), -1), axis=0)) == len(np.unique(neutral["version"]))
    assert not neutral["isn"].any()
    span = CODEC.layout.fields["ipv4_cksum"]
    assert all((made.image(k)[:, span] <= 0).all() for k in range(len(made)))


@pytest.mark.parametrize("noise", [0.02, 0.3, 1.0])
def test_any_image_becomes_flows_that_compile(noise, images) -> None:
    rows, made = images
    rng = np.random.default_rng(0)
    levels = []
    for place in range(len(made)):
        image = made.image(place).copy()
        wrong = rng.random(image.shape) < noise
        image[wrong] = rng.integers(-1, 2, int(wrong.sum()))
        levels.append(image)
    found, mended = flows_of_images(CODEC, levels, list(rows.labels), Known(made.layouts, (53, 443)))
    assert set(mended) <= {PARTIAL, FACTS, PORTS, OPTIONS, SIZES, FOLLOWS}
    assert sum(mended.values()) > 0
    packets = compile_rows(found, fidelity=Fidelity.GENERATED)
    assert len(packets.segments) > 0


def test_a_port_that_is_a_bit_off_becomes_the_known_one(images) -> None:
    rows, made = images
    port = int(rows.flows["port"][0, 1])
    for ports, found in (((port ^ 4,), port ^ 4), ((port ^ 7,), port), ((port, port ^ 4), port), ((), port)):
        drawn, mended = flows_of_images(CODEC, [made.image(0)], [""], Known(made.layouts, ports), exact=True)
        assert drawn.flows["port"][0, 1] == found
        assert (PORTS in mended) == (found != port)


def test_a_flow_ends_where_most_of_a_row_is_absent() -> None:
    image = np.full((4, CODEC.columns), -1, np.int8)
    assert packets_in(CODEC, image) == 1
    image[:3] = 0
    assert packets_in(CODEC, image) == 3
    image[:] = 0
    assert packets_in(CODEC, image) == 4


def test_the_nearest_options_keep_the_values_that_were_drawn() -> None:
    layouts = (b"", bytes([2, 4, 0, 0]), bytes([1, 1, 8, 10, *bytes(8)]))
    drawn = bytes([2, 4, 5, 180])
    values = np.zeros((2, 40), np.uint8)
    values[:, :4] = np.frombuffer(drawn, np.uint8)
    there = np.zeros((2, 320), np.bool_)
    there[:, :32] = True
    values[1, 0] ^= 0x80  # one bit of the kind
    options, other = nearest_options(values, there, layouts)
    assert options == [drawn, drawn]
    assert other.tolist() == [False, True]
    assert structure(layouts[2]).tolist() == [True] * 4 + [False] * 36
