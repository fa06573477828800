"""DNS: dnspython reads what is written, the answer holds the address of the host that the client connects to next."""

import dns.message
import dns.rdatatype
import numpy as np
import pytest

from netdiffus.traffic.payload.dns import build_dns, plan
from netdiffus.traffic.payload.mdns import build_mdns
from netdiffus.traffic.payload.talk import Lookup, Misfit
from payload_talks import SERVER_ADDRESS, fill_of, said, talk_of

HOST = Lookup("www.mirola.example.org", bytes([198, 18, 3, 4]))
RESERVED = (".example.com.", ".example.net.", ".example.org.", ".example.", ".test.")


def test_the_answer_holds_what_was_looked_up() -> None:
    query = 12 + 4 + len(HOST.name) + 2
    talk = talk_of([query, -(query + 16)], transport="udp", lookups=(HOST,))
    build_dns(talk, fill_of())
    asked, answered = (dns.message.from_wire(said(talk, number)) for number in (0, 1))
    assert asked.question[0].name.to_text() == "www.mirola.example.org."
    assert asked.is_response(answered)
    assert [record.to_text() for record in answered.answer[0]] == ["198.18.3.4"]


@pytest.mark.parametrize(("address", "texts"), [
    (HOST.address, ["198.18.3.4", "2001:db8:5::c612:304"]),
    (bytes.fromhex("20010db80005000000000000ab030405"), ["198.19.4.5", "2001:db8:5::ab03:405"]),
])  # fmt: skip
def test_a_host_is_asked_for_by_both_families_under_one_name(address, texts) -> None:
    talk = talk_of([40, 40, -56, -68, 51, -67], transport="udp", lookups=(Lookup("", address),))
    build_dns(talk, fill_of())
    read = [dns.message.from_wire(said(talk, number)) for number in range(6)]
    assert [answer.answer[0][0].to_text() for answer in read[2:4]] == texts
    first, second, third = (read[number].question[0].name.to_text() for number in (0, 1, 4))
    assert first == second != third
    assert talk.named == {address: first.rstrip(".")}
    assert read[0].is_response(read[2])
    assert read[1].is_response(read[3])


def test_an_answer_without_room_names_no_host_and_the_next_one_does() -> None:
    size = 12 + 4 + len(HOST.name) + 2
    talk = talk_of([size, -size, size, -(size + 16)], transport="udp", lookups=(HOST,))
    build_dns(talk, fill_of())
    read = [dns.message.from_wire(said(talk, number)) for number in range(4)]
    assert [each.question[0].rdtype for each in read[::2]] == [dns.rdatatype.AAAA, dns.rdatatype.A]
    assert not read[1].answer
    assert read[3].answer[0][0].to_text() == "198.18.3.4"


def test_a_host_without_a_name_gets_the_one_that_fits() -> None:
    talk = talk_of([51, -67], transport="udp", lookups=(HOST._replace(name=""),))
    build_dns(talk, fill_of())
    asked = dns.message.from_wire(said(talk, 0)).question[0].name.to_text()
    assert talk.named == {HOST.address: asked.rstrip(".")}
    assert asked.endswith(RESERVED)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_any_pair_of_sizes_is_read_by_others_or_refused(transport) -> None:
    rng, written, refused = np.random.default_rng(0), 0, set()
    for _ in range(400):
        query = int(rng.integers(20, 120))
        answer = query + int(rng.integers(-20, 400))
        talk = talk_of([query, -max(answer, 13)], transport=transport)
        try:
            build_dns(talk, fill_of(3))
        except Misfit as misfit:
            refused.add(str(misfit))
            continue
        cut = 2 if transport == "tcp" else 0
        asked, answered = (dns.message.from_wire(said(talk, number)[cut:]) for number in (0, 1))
        assert asked.is_response(answered)
        assert asked.question[0].name.to_text().endswith(RESERVED)
        assert int.from_bytes(said(talk, 0)[:cut], "big") in (0, query - 2)
        written += 1
    assert written > 250
    assert refused == {"DNS: sizes of query and answer that no name fits"}


def test_real_pairs_of_sizes_fit() -> None:
    # dig with a cookie and an address; dig without EDNS; a name that does not exist; DNSSEC in a kilobyte
    for query, answer in ((52, 68), (40, 56), (31, 31), (55, 1133), (44, 60), (33, 49), (56, 84)):
        assert plan(query, answer, 4) is not None, (query, answer)


def test_multicast() -> None:
    for size in (*range(25, 200), 1400):
        talk = talk_of([size], transport="udp")
        build_mdns(talk, fill_of(size))
        read = dns.message.from_wire(said(talk, 0))
        assert read.question or read.answer[0].rdtype == dns.rdatatype.TXT
    with pytest.raises(Misfit, match="mDNS"):
        build_mdns(talk_of([20], transport="udp"), fill_of())


def test_several_questions_in_one_flow() -> None:
    talk = talk_of([40, 40, -56, -72, 45], transport="udp")
    build_dns(talk, fill_of())
    read = [dns.message.from_wire(said(talk, number)) for number in range(5)]
    assert read[0].is_response(read[2])
    assert read[1].is_response(read[3])
    assert len(read[3].answer[0]) == 2
    assert SERVER_ADDRESS[:3] == bytes([198, 18, 0])
