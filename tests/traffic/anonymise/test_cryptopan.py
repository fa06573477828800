"""Crypto-PAn: the published sample, and what it promises."""

import socket

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netdiffus.errors import InputError
from netdiffus.traffic.anonymise.cryptopan import crypto_pan, read_key

# The key and some lines of the sample trace in the authors' distribution.
KEY = bytes(
    (21, 34, 23, 141, 51, 164, 207, 128, 19, 10, 91, 22, 73, 144, 125, 16)
    + (216, 152, 143, 131, 121, 121, 101, 39, 98, 87, 76, 45, 42, 132, 34, 2)
)  # fmt: skip
SAMPLE = {
    "128.11.68.132": "135.242.180.132",
    "129.118.74.4": "134.136.186.123",
    "130.132.252.244": "133.68.164.234",
    "141.223.7.43": "141.167.8.160",
    "192.102.249.13": "252.138.62.131",
    "208.147.89.59": "227.237.98.191",
    "24.0.250.221": "100.15.198.226",
    "4.3.88.225": "124.60.155.63",
    "63.14.55.111": "95.9.215.7",
    "64.14.118.196": "0.255.183.58",
    "10.185.25.118": "117.161.29.118",
}
# What independent programs that follow the same construction give for 128 bits.
SAMPLE_V6 = {
    "::1": "78ff:f001:9fc0:20df:8380:b1f1:704:ed",
    "::ffff": "78ff:f001:9fc0:20df:8380:b1f1:704:f838",
    "2001:db8::2": "4401:2bc:603f:d91d:27f:ff8e:e6f1:dc1c",
}


def rows(texts, family) -> np.ndarray:
    return np.array([list(socket.inet_pton(family, text)) for text in texts], np.uint8)


@pytest.mark.parametrize(("sample", "family"), [(SAMPLE, socket.AF_INET), (SAMPLE_V6, socket.AF_INET6)])
def test_the_published_sample(sample, family) -> None:
    mapped = crypto_pan(rows(sample, family), KEY)
    assert [socket.inet_ntop(family, row.tobytes()) for row in mapped] == list(sample.values())


def shared_bits(a: np.ndarray, b: np.ndarray) -> int:
    different = np.flatnonzero(np.unpackbits(a ^ b))
    return int(different[0]) if len(different) else a.size * 8


@given(st.sampled_from([4, 16]), st.binary(min_size=32, max_size=32), st.binary(min_size=32, max_size=32))
def test_prefixes_stay_as_long_as_they_were(width, data, key) -> None:
    pair = np.frombuffer(data[: 2 * width], np.uint8).reshape(2, width)
    assert shared_bits(*crypto_pan(pair, key)) == shared_bits(*pair)


def test_many_at_a_time_are_mapped_as_one_by_one(monkeypatch) -> None:
    addresses = np.random.default_rng(0).integers(0, 256, (100, 16), dtype=np.uint8)
    whole = crypto_pan(addresses, KEY)
    monkeypatch.setattr("netdiffus.traffic.anonymise.cryptopan._BUFFER", 3 * 128 * 16)
    assert np.array_equal(crypto_pan(addresses, KEY), whole)
    assert crypto_pan(np.empty((0, 4), np.uint8), KEY).shape == (0, 4)


def test_key_files(tmp_path) -> None:
    (tmp_path / "raw").write_bytes(KEY)
    (tmp_path / "hex").write_text(KEY.hex() + "\n")
    assert read_key(tmp_path / "raw") == read_key(tmp_path / "hex") == KEY
    with pytest.raises(InputError, match=r"a key file of 32 bytes; got .*none, .*make one: head -c 32 /dev/urandom"):
        read_key(tmp_path / "none")
    for wrong in (KEY[:31], KEY + b"\n", KEY.hex()[:-2].encode(), b"", b"\xff" * 64):
        (tmp_path / "wrong").write_bytes(wrong)
        with pytest.raises(InputError, match=f"32 bytes or 64 hexadecimal digits .* got {len(wrong)} bytes"):
            read_key(tmp_path / "wrong")
