"""TLS: hellos of layouts have the drawn sizes and fingerprints, others read the certificates, records fill streams."""

import hashlib

import numpy as np
import pytest
from cryptography import x509

from netdiffus.traffic.payload.ja4 import Hello, ja4, read_hello
from netdiffus.traffic.payload.talk import CLIENT, SERVER, Misfit, Talk
from netdiffus.traffic.payload.tls import build_tls, build_tls_12, choose_layout
from netdiffus.traffic.payload.tls_certificate import FIRST_CERTIFICATE, certificate, certificate_message
from netdiffus.traffic.payload.tls_hello import client_hello, hello_size
from netdiffus.traffic.payload.tls_layouts import CHROME, CHROME_2020, LAYOUTS, LAYOUTS_12
from payload_talks import START_NS, fill_of, said, talk_of

NAME = "www.barolen.example.com"
CHROME_CIPHERS = "8daaf6152771"  # the published hash of Chrome's cipher suites, as FoxIO's JA4 documents show it


def records(stream: bytes) -> list[tuple[int, int]]:
    """Type and length of each record, the last one perhaps longer than what is left."""
    found, at = [], 0
    while at + 5 <= len(stream):
        size = int.from_bytes(stream[at + 3 : at + 5], "big")
        assert stream[at + 1] == 3
        assert 1 <= size <= 16384 + 256
        found.append((stream[at], size))
        at += 5 + size
    return found


def stream(talk: Talk, side: int) -> bytes:
    return b"".join(said(talk, place) for place, message in enumerate(talk.messages) if message.side == side)


@pytest.mark.parametrize("layout", [*LAYOUTS, *LAYOUTS_12])
@pytest.mark.parametrize("more", [0, 4, 5, 211])
def test_a_hello_has_its_size_and_says_what_its_layout_offers(layout, more) -> None:
    size = hello_size(layout, len(NAME)) + more
    hello, offered = client_hello(layout, NAME, size, fill_of())
    assert len(hello) == size
    assert read_hello(hello) == offered
    assert (NAME.encode() in hello) == (0 in layout.extensions)
    assert (21 in offered.extensions) == (more > 0)


def test_ja4_is_that_of_the_published_examples() -> None:
    # The example of FoxIO's technical details: Chrome over TCP, with GREASE.
    extensions = (0x1B, 0, 0x33, 0x10, 0x4469, 0x17, 0x2D, 0x0D, 0x05, 0x23, 0x12, 0x2B, 0xFF01, 0x0B, 0x0A, 0x15)
    signatures = (0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601)
    hello = Hello(0x0304, CHROME.ciphers, (0x0A0A, *extensions), signatures, b"h2")
    assert ja4(hello) == "t13d1516h2_8daaf6152771_e5627efa2ab1"
    assert ja4(client_hello(CHROME_2020, NAME, 800, fill_of())[1]).split("_")[1] == CHROME_CIPHERS
    bare = Hello(0x0303, (0x002F,), (), (), b"")
    assert ja4(bare, "q") == f"q12i010000_{hashlib.sha256(b'002f').hexdigest()[:12]}_000000000000"


def test_the_size_of_the_first_message_chooses_the_layout() -> None:
    fill = fill_of()
    assert choose_layout(LAYOUTS, NAME, 60, fill) is None
    assert choose_layout(LAYOUTS, NAME, hello_size(CHROME, len(NAME)), fill) is CHROME
    seen = {choose_layout(LAYOUTS, NAME, 512, fill) for _ in range(100)}
    assert len(seen) > 2
    assert CHROME not in seen


@pytest.mark.parametrize("build", [build_tls, build_tls_12])
def test_records_fill_both_streams(build) -> None:
    rng = np.random.default_rng(5)
    for _ in range(60):
        sizes = [517, -int(rng.integers(200, 6000))]
        sizes += [int(rng.integers(30, 20_000)) * int(rng.choice([-1, 1])) for _ in range(6)]
        talk = talk_of(sizes)
        build(talk, fill_of(1))
        for side in (CLIENT, SERVER):
            data = stream(talk, side)
            assert sum(5 + size for _, size in records(data)) == len(data)
        assert records(stream(talk, CLIENT))[0] == (22, 512)
        assert talk.drawn["ja4"] == ja4(read_hello(said(talk, 0)[5:]))


def test_a_stream_that_was_cut_ends_inside_a_record() -> None:
    talk = talk_of([517, -1400, 64, 9])
    build_tls(talk, fill_of())
    mine = stream(talk, CLIENT)
    assert len(records(mine)) >= 3
    assert records(mine)[0][0] == 22


def test_what_is_too_small_is_left_alone() -> None:
    talk = talk_of([40, -1400])
    with pytest.raises(Misfit, match="TLS: the client's first message is too small for a hello"):
        build_tls(talk, fill_of())
    assert not any(talk.out)
    with pytest.raises(Misfit, match="client does not send first"):
        build_tls(talk_of([-40, 517]), fill_of())


@pytest.mark.parametrize("name", ["a.test", NAME, "a" * 60 + "." + "b" * 60 + ".example"])
def test_certificates_are_read_by_others_and_have_any_size(name) -> None:
    for size in range(FIRST_CERTIFICATE + 2 * len(name), 1600, 37):
        found = certificate(name, "ca.example.com", size, START_NS, fill_of(size))
        assert len(found) == size
        read = x509.load_der_x509_certificate(found)
        assert read.subject.rfc4514_string() == f"CN={name[-64:]}"
        names = read.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert names.get_values_for_type(x509.DNSName) == [name]
        assert read.not_valid_before_utc.timestamp() < START_NS / 1e9 < read.not_valid_after_utc.timestamp()


def test_a_large_message_has_a_chain() -> None:
    whole = certificate_message(NAME, 4000, START_NS, fill_of())
    assert len(whole) == 4000
    first = int.from_bytes(whole[7:10], "big")
    leaf, issuer = (x509.load_der_x509_certificate(part) for part in (whole[10 : 10 + first], whole[13 + first :]))
    assert leaf.issuer == issuer.subject


@pytest.mark.parametrize("name", [NAME, "a-rather-long-name-of-a-server." * 3 + "example.com"])
def test_messages_just_above_one_certificate_have_any_size(name) -> None:
    for size in range(1490, 1700, 7):
        assert len(certificate_message(name, size, START_NS, fill_of(size))) == size


def test_name_of_hello_and_certificate_agree() -> None:
    talk = talk_of([517, -1500, 93, -300, 700, -9000], name="api.mirola.example.net")
    build_tls_12(talk, fill_of(2))
    assert said(talk, 0).count(b"api.mirola.example.net") == 1
    assert said(talk, 1).count(b"api.mirola.example.net") == 2  # its subject, and its alternative name
