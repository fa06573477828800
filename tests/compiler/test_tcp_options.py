"""Option bytes become a layout and values, and come back."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netdiffus.compiler.specs import SEGMENT
from netdiffus.compiler.tcp_options import (
    CANONICAL,
    HAS_MSS,
    HAS_TIMESTAMPS,
    HAS_WSCALE,
    MALFORMED,
    describe,
    later_place,
    put_options,
    syn_layout,
    take_options,
)

LINUX_SYN = bytes.fromhex("020405b40402080a0011223300000000 01030307")


def there_and_back(options: list[bytes]) -> tuple[list[bytes], np.ndarray, tuple[bytes, ...]]:
    size = np.array([len(one) for one in options], np.int64)
    at = np.cumsum(size) - size
    segments = np.zeros(len(options), SEGMENT)
    layouts = take_options(np.frombuffer(b"".join(options) or b"\0", np.uint8), at, size, segments)
    data = np.full(int(size.sum()), 0xEE, np.uint8)
    put_options(data, at, segments, layouts)
    return [data[a : a + n].tobytes() for a, n in zip(at.tolist(), size.tolist(), strict=True)], segments, layouts


@settings(deadline=None)  # the first example compiles
@given(st.lists(st.binary(max_size=40), max_size=8))
def test_any_option_bytes_come_back(options) -> None:
    assert there_and_back(options)[0] == options


option = st.one_of(
    st.just(b"\1"),
    st.binary(min_size=2, max_size=2).map(lambda value: bytes([2, 4]) + value),
    st.integers(0, 255).map(lambda shift: bytes([3, 3, shift])),
    st.just(bytes([4, 2])),
    st.sampled_from([1, 2, 3])
    .flatmap(lambda n: st.binary(min_size=8 * n, max_size=8 * n))
    .map(lambda edges: bytes([5, 2 + len(edges)]) + edges),
    st.binary(min_size=8, max_size=8).map(lambda value: bytes([8, 10]) + value),
)


@settings(deadline=None)
@given(st.lists(option, max_size=6).map(b"".join).filter(lambda data: len(data) <= 40))
def test_options_of_every_kind_come_back_again_and_again(options) -> None:
    assert there_and_back([options, LINUX_SYN])[0] == [options, LINUX_SYN]


def test_a_linux_syn_is_a_layout_and_five_numbers() -> None:
    _, segments, layouts = there_and_back([LINUX_SYN])
    (segment,) = segments
    assert (segment["mss"], segment["wscale"]) == (1460, 7)
    assert (segment["ts_value"], segment["ts_echo"]) == (0x112233, 0)
    assert layouts[segment["layout"]] == syn_layout(15)
    assert segment["layout"] == 15, "the place is the bits of what is in it"
    assert layouts == CANONICAL, "nothing new had to be entered"


def test_places_of_canonical_layouts() -> None:
    assert len(set(CANONICAL)) == len(CANONICAL)
    kinds = describe(CANONICAL)
    assert not (kinds["has"] & MALFORMED).any()
    assert kinds["has"][:16].tolist() == list(range(16))
    for timestamps in (False, True):
        for blocks in range(4 if timestamps else 5):
            kind = kinds[later_place(timestamps, blocks)]
            assert (bool(kind["has"] & HAS_TIMESTAMPS), kind["blocks"]) == (timestamps, blocks)


@pytest.mark.parametrize(
    ("layout", "has"),
    [
        (bytes([2, 4, 0, 0]), HAS_MSS),
        (bytes([3, 3, 0, 0]), HAS_WSCALE),
        (bytes([2, 4, 0]), MALFORMED),
        (bytes([2, 3, 0, 0]), MALFORMED | 0),
        (bytes([8, 10, 0, 0]), MALFORMED),
        (bytes([0, 0, 0, 1]), MALFORMED),
        (bytes([4, 2, 4, 2]), MALFORMED | 4),
        (bytes([1, 1, 5, 2]), MALFORMED),
    ],
)
def test_what_no_stack_writes_is_malformed(layout, has) -> None:
    assert describe((layout,))["has"][0] == has
