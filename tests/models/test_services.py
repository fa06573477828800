"""Classes of flows: services that many flows go to are told apart."""

import numpy as np
import pytest

from netdiffus.models.label_counts import class_counts
from netdiffus.models.services import FEW_FLOWS, is_class, label_of, protocol_of, service_names


def test_ports_with_many_flows_are_classes_where_a_label_has_several() -> None:
    names = ["web/tcp"] * (FEW_FLOWS + 3) + ["dns/udp"] * FEW_FLOWS + ["odd/tcp"] * 2
    port = np.array([443] * FEW_FLOWS + [80, 81, 0] + [53] * FEW_FLOWS + [5, 6])
    found = service_names(names, port)
    assert found[:FEW_FLOWS] == ["web/tcp:443"] * FEW_FLOWS
    assert found[FEW_FLOWS:] == ["web/tcp"] * 3 + ["dns/udp"] * FEW_FLOWS + ["odd/tcp"] * 2


def test_a_port_with_one_flow_less_is_none() -> None:
    names = ["web/tcp"] * FEW_FLOWS
    assert set(service_names(names, np.array([443] * (FEW_FLOWS - 1) + [80]))) == {"web/tcp"}


@pytest.mark.parametrize(
    ("name", "label", "protocol"),
    [("web/tcp", "web", "tcp"), ("a/b:1/udp:53", "a/b:1", "udp"), ("/icmp", "", "icmp")],
)
def test_parts_of_a_class(name: str, label: str, protocol: str) -> None:
    assert is_class(name)
    assert (label_of(name), protocol_of(name)) == (label, protocol)


@pytest.mark.parametrize(
    "name", ["web", "web/http", "web/tcp:", "web/tcp:0", "web/tcp:65536", "web/tcp:٣", "web/tcp:1:2"]
)
def test_what_is_no_class(name: str) -> None:
    assert not is_class(name)


def test_protocols_are_asked_for_with_all_their_services() -> None:
    mix = {"web/tcp": 10, "web/tcp:443": 30, "web/udp:443": 60}
    assert class_counts(mix, 8, balance=False, protocol="tcp") == {"web/tcp": 2, "web/tcp:443": 6}
    assert class_counts(mix, {"web": 10}, balance=False, protocol=None) == {
        "web/tcp": 1,
        "web/tcp:443": 3,
        "web/udp:443": 6,
    }
