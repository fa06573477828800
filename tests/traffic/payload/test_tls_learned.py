"""Layouts of hellos that training traffic shares: read back, kept only where enough hosts agree, and written anew."""

from dataclasses import replace

import pytest

from netdiffus.traffic.payload.ja4 import ja4, read_hello
from netdiffus.traffic.payload.tls import build_tls
from netdiffus.traffic.payload.tls_hello import client_hello, hello_size
from netdiffus.traffic.payload.tls_layouts import CHROME, CURL, FIREFOX, GREASE, LAYOUTS, LAYOUTS_12, OPENSSL, Layout
from netdiffus.traffic.payload.tls_learned import HelloLayout, Hellos, learn_layouts, read_layout
from payload_talks import fill_of, said, talk_of

NAME = "www.example.test"


def hello_of(layout: Layout, seed: int = 0, more: int = 0) -> bytes:
    return client_hello(layout, NAME, hello_size(layout, len(NAME)) + more, fill_of(seed))[0]


def flows_of(layout: Layout, n: int, pairs: int, more: int = 0) -> list[tuple[str, Layout, bool, int]]:
    found = [read_layout(hello_of(layout, seed, more)) for seed in range(n)]
    return [("tls", *each, number % pairs) for number, each in enumerate(found) if each is not None]


@pytest.mark.parametrize("layout", [*LAYOUTS, *LAYOUTS_12], ids=lambda layout: f"{len(layout.ciphers)}")
@pytest.mark.parametrize("more", [0, 40])
def test_what_is_written_is_read_back(layout, more) -> None:
    message = hello_of(layout, more=more)
    found = read_layout(message)
    assert found is not None
    again, padded = found
    assert padded == (more > 0)
    assert (again.ciphers, again.extensions, again.alpn) == (layout.ciphers, layout.extensions, layout.alpn)
    assert (again.session, again.bodies) == (layout.session, ())
    if 43 in layout.extensions:
        assert (again.versions, again.shares) == (layout.versions, layout.shares)
    written, offered = client_hello(again, NAME, len(message), fill_of(7))
    assert len(written) == len(message)
    assert ja4(offered) == ja4(read_hello(message)) == ja4(read_hello(written))


def test_enough_flows_of_enough_pairs() -> None:
    assert len(learn_layouts("a", flows_of(CURL, 20, 5))) == 1
    assert learn_layouts("a", flows_of(CURL, 19, 19)) == []
    assert learn_layouts("a", flows_of(CURL, 200, 4)) == []
    both = learn_layouts("a", [*flows_of(CURL, 30, 9), *flows_of(OPENSSL, 40, 9), *flows_of(FIREFOX, 9, 9)])
    assert sorted(each.flows for each in both) == [30, 40]


def test_a_drawn_order_of_extensions_is_not_kept() -> None:
    flows = []
    for seed in range(30):
        middle = list(CHROME.extensions[1:-1])
        turned = middle[seed % 15 :] + middle[: seed % 15]
        flows += flows_of(Layout(CHROME.ciphers, (GREASE, *turned, GREASE), CHROME.groups, CHROME.signatures), 1, 1)
    (learned,) = learn_layouts("a", [(*flow[:3], pair) for pair, flow in enumerate(flows)])
    assert learned.flows == 30
    assert learned.extensions == [GREASE, *sorted(middle), GREASE]


def test_nothing_of_a_connection_is_kept() -> None:
    private = Layout(OPENSSL.ciphers, (0, 16, 43, 51), alpn=(b"cat-feeder/7",))
    assert read_layout(hello_of(private)) is None
    ticket = Layout(OPENSSL.ciphers, (0, 35, 41, 43, 51), bodies=((35, b"secret ticket"), (41, b"secret key")))
    found = read_layout(hello_of(ticket))
    assert found is not None
    assert found[0].extensions == (0, 35, 43, 51)
    assert found[0].bodies == ()
    unknown = Layout(OPENSSL.ciphers, (0, 43, 51, 4711), bodies=((4711, b"who knows"),))
    assert read_layout(hello_of(unknown)) is None
    assert NAME not in str(learn_layouts("a", flows_of(CURL, 20, 5)))


def test_a_cut_hello_is_none() -> None:
    message = hello_of(CURL)
    for end in (0, 3, 40, 100, len(message) - 1):
        with pytest.raises(ValueError, match="whole"):
            read_layout(message[:end])


def test_layouts_come_as_often_as_they_were() -> None:
    learned = learn_layouts("a", [*flows_of(CURL, 60, 9, more=30), *flows_of(OPENSSL, 20, 9, more=60)])
    again = [HelloLayout.of(each.model_dump(mode="json"), "hello") for each in learned]
    hellos, fill, seen = Hellos(again), fill_of(), []
    for _ in range(400):
        found = hellos.choose(512, "", fill)
        assert found is not None
        seen.append(len(found[0].alpn))
    assert 0.68 < seen.count(2) / 400 < 0.82
    assert hellos.choose(60, "", fill) is None


def test_a_name_takes_what_an_unpadded_layout_leaves() -> None:
    (learned,) = learn_layouts("a", flows_of(CURL, 20, 5))
    size = hello_size(CURL, 23)
    found = Hellos([learned]).choose(size, "", fill_of())
    assert found is not None
    layout, name = found
    assert len(name) == 23
    assert Hellos([learned]).choose(size, "too.short.test", fill_of()) is None
    talk = talk_of([size + 5, -1500, 80], name=name)
    talk.facts = replace(talk.facts, hello=layout)
    build_tls(talk, fill_of())
    assert talk.drawn["ja4"] == ja4(read_hello(hello_of(CURL))) == ja4(read_hello(said(talk, 0)[5:]))
