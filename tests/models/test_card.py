"""The model card says what of payload a model holds."""

from netdiffus.models.card import payload_said
from netdiffus.traffic.payload.knowledge import LabelShapes, PayloadKnowledge
from netdiffus.traffic.payload.shapes import Shape
from netdiffus.traffic.payload.tls_learned import HelloLayout

HELLO = HelloLayout(
    label="a", protocol="tls", flows=20, ciphers=[4865], extensions=[], groups=[], signatures=[], alpn=[], shares=[],
    versions=[], session=32, padded=False, bodies={},
)  # fmt: skip


def test_a_model_without_payload_says_so() -> None:
    assert payload_said(None) == "No payload is in it."


def test_counts_of_what_is_kept_and_the_rule_it_is_kept_by() -> None:
    shape = Shape(side=0, number=0, flows=30, places=["fe:30 "])
    shapes = [LabelShapes(label="a", transport="udp", shapes=[shape])]
    known = PayloadKnowledge(least_flows=20, least_pairs=5, speeches=[], shapes=shapes, hellos=[HELLO, HELLO])
    said = " ".join(payload_said(known).split())
    assert "1 shape of messages of unknown protocols and 2 layouts of TLS hellos" in said
    assert "at least 20 flows of at least 5 pairs of hosts share" in said
    assert "`payload` in model.json" in said
