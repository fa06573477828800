"""What a client carries from flow to flow: address, ports, clock and identification."""

import numpy as np
import pytest

from netdiffus.compiler.sessions.flows import SessionFlows
from netdiffus.compiler.sessions.habits import Habits
from netdiffus.compiler.sessions.hosts import session_hosts
from netdiffus.compiler.specs import CLIENT, FLOW, SERVER
from netdiffus.errors import InputError
from netdiffus.traffic.networks import CLIENT_NETS, SERVER_NETS
from netdiffus.wire.headers.fields import TCP, UDP

S = 1_000_000_000
NETS = (CLIENT_NETS, SERVER_NETS)
NOTHING = Habits(steps=[[], [], [], []], clock=[0.0, 0.0], identification=[0.0, 0.0])
ALL = Habits(steps=[[2], [0], [1], [1]], clock=[1.0, 1.0], identification=[1.0, 1.0])


def flows(count: int, protocol: int = TCP) -> np.ndarray:
    found = np.zeros(count, FLOW)
    found["version"], found["protocol"], found["ttl"] = 4, protocol, [64, 57]
    found["ts_mhz"], found["port"], found["start_ns"] = 1_000_000, [40_000, 443], np.arange(count) * S
    return found


def placed(asked: np.ndarray, session, server, habits: Habits = ALL, nets=NETS) -> np.ndarray:
    session, server = np.array(session), np.array(server)
    steps = np.full(len(session), 7)
    return session_hosts(asked, session, server, steps, habits, nets, np.random.default_rng(0))


def test_a_client_keeps_its_address_and_servers_theirs() -> None:
    found = placed(flows(6), [0, 0, 0, 0, 1, 1], [0, 1, 0, 1, 0, 0])
    client, server = (found["address"][:, side, 1] for side in (CLIENT, SERVER))
    assert len(set(client[:4].tolist())) == len(set(client[4:].tolist())) == 1
    assert client[0] != client[4]
    assert server[0] == server[2] != server[1] == server[3]
    assert server[4] not in server[:4]


def test_ports_clock_and_identification_go_on() -> None:
    found = placed(flows(4), [0] * 4, [0, 0, 0, 1])
    port = found["port"][:, CLIENT].astype(int)
    assert np.diff(port)[:2].tolist() == [2, 2]
    assert port[3] not in port[:3]
    assert np.diff(found["ts_base"][:, CLIENT].astype(np.int64)).tolist() == [1000] * 3  # a tick a millisecond
    assert (np.diff(found["id_base"][:, CLIENT].astype(int)) % 65536).tolist() == [7] * 3


def test_without_such_habits_they_are_any_numbers() -> None:
    found = placed(flows(50), [0] * 50, [0] * 50, NOTHING)
    assert len(set(found["port"][:, CLIENT].tolist())) == 50
    assert (np.abs(np.diff(found["port"][:, CLIENT].astype(int))) > 64).mean() > 0.9
    assert (np.diff(found["ts_base"][:, CLIENT].astype(np.int64)) != 1000).all()


def test_a_host_has_one_ttl_and_a_client_one_version() -> None:
    asked = flows(3)
    asked["ttl"][:, CLIENT], asked["ttl"][:, SERVER] = [64, 128, 64], [50, 60, 51]
    found = placed(asked, [0] * 3, [0, 1, 0])
    assert found["ttl"].tolist() == [[64, 50], [64, 60], [64, 50]]


def test_no_two_flows_share_both_ends() -> None:
    found = placed(flows(300), [0] * 300, [0] * 300, Habits(**ALL.model_dump() | {"steps": [[2, -2], [0], [0], [0]]}))
    assert len(set(found["port"][:, CLIENT].tolist())) == 300


def test_networks_that_are_missing_or_too_small_are_named() -> None:
    with pytest.raises(InputError, match=r"client network of IPv4.*--client-net"):
        placed(flows(2), [0, 0], [0, 0], nets=(["2001:db8::/64"], SERVER_NETS))
    asked = flows(3)
    asked["port"] = 123  # a well-known port stays, so there is one flow between two hosts
    with pytest.raises(InputError, match="networks with room for 3 flows"):
        placed(asked, [0] * 3, [0] * 3)


def test_habits_are_counted() -> None:
    rows = placed(flows(40), [0] * 20 + [1] * 20, [0] * 40)
    names, events = ("web/tcp",) * 40, np.tile([0, 1000, 2000], (40, 1))
    found = Habits.fit(SessionFlows(rows, np.repeat([0, 1], 20), names, events, np.full(40, 7)))
    assert found.clock == found.identification == [1.0, 0.0]
    assert set(found.steps[0]) == {2}
    assert found.steps[1:] == [[], [], []]
    anew = placed(flows(40, UDP), [0] * 40, [0] * 40, NOTHING)
    other = Habits.fit(SessionFlows(anew, np.zeros(40, np.int64), names, events, np.full(40, 7)))
    assert other.clock == [0.0, 0.0]
    assert other.identification[0] < 0.2
    assert np.mean(np.array(other.steps[2]) == 0) > 0.9
