"""Where --ray finds a cluster, and what is said where it finds none; no cluster is needed."""

import pickle
import socket
import sys
import threading
from types import SimpleNamespace

import pytest

from netdiffus.cli.options import with_ray_address
from netdiffus.cluster import address, connection
from netdiffus.cluster.address import check_answers, chosen_address
from netdiffus.cluster.spreads import spread_on
from netdiffus.errors import InputError
from netdiffus.spread import one_by_one


def test_the_address(monkeypatch) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    assert chosen_address("auto") is None
    assert chosen_address("local") is None
    assert chosen_address("head:6379") == "head:6379"
    monkeypatch.setenv("RAY_ADDRESS", "10.0.0.1:6379")
    assert chosen_address("auto") == "10.0.0.1:6379"
    assert chosen_address("local") is None


@pytest.mark.parametrize("said", ["head", "head:", ":6379", "head:99999", "ray://head:10001", "head:x"])
def test_no_address(said, monkeypatch) -> None:
    with pytest.raises(InputError, match=r"as --ray; got "):
        chosen_address(said)
    monkeypatch.setenv("RAY_ADDRESS", said)
    with pytest.raises(InputError, match=r"as RAY_ADDRESS; got "):
        chosen_address("auto")


def test_nothing_answers(monkeypatch) -> None:
    monkeypatch.setattr(address, "PATIENCE_S", 0.3)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        with pytest.raises(InputError, match=r"127\.0\.0\.1:\d+ that answers within .*; got Connection refused; start"):
            check_answers(f"127.0.0.1:{free.getsockname()[1]}")
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(InputError, match="got no answer"):
        check_answers(f"127.0.0.1:{silent.getsockname()[1]}")


def asked_of(answer: bytes) -> None:
    """Ask a server that answers so."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with server.accept()[0] as connection:
                connection.recv(1000)
                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            check_answers(f"127.0.0.1:{server.getsockname()[1]}")
        finally:
            thread.join()


SETTINGS, UPDATE = "000000040000000000", "00000408000000000000001000"
"""Frames of HTTP/2 as any server sends them first; those of headers below are of stream 1."""


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"",
        *(bytes.fromhex(SETTINGS + more) for more in ("", "0000010105000000018d")),
    ],
    ids=["http", "none", "http/2 that ends", "http/2 with status 404"],
)
def test_another_service_answers(answer) -> None:
    with pytest.raises(InputError, match="got another service than Ray there"):
        asked_of(answer)


@pytest.mark.parametrize(
    "headers",
    [
        "00000201040000000188c0",
        "0000030104000000012088c0",
        "0000050104000000013fe11f88c0",
        "0000040108000000010188c000",
    ],
    ids=["plain", "after a table's size", "after a larger one", "padded"],
)
def test_a_server_of_grpc_answers(headers) -> None:
    asked_of(bytes.fromhex(SETTINGS + UPDATE + headers))


def test_other_versions_of_ray_or_python() -> None:
    utils = pytest.importorskip("ray._private.utils", reason="the extra 'ray' is not installed")

    def init(*_: object, **__: object) -> None:  # as ray.init does when it has joined
        utils.check_version_info({"ray_version": "1.0.0", "python_version": "3.1.0"}, "this process")

    there = SimpleNamespace(init=init, shutdown=lambda: None, __version__="2.60.0")
    said = r"of Ray 2\.60\.0 at head:6379 .*; got Version mismatch: .*Ray: 1\.0\.0 Python: 3\.1\.0.*; inst"
    with pytest.raises(InputError, match=said):
        connection._start(there, "head:6379")


def test_an_installation_without_ray(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    said = r"the extra 'ray' for --ray; .*pip install 'netdiffus\[ray\]'"
    with pytest.raises(InputError, match=said), spread_on("auto"):
        pass


def test_one_machine_has_one_piece_of_work_at_a_time() -> None:
    with spread_on(None) as spread:  # without Ray: tests/test_layers.py
        assert spread is one_by_one


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        (["generate", "--ray", "model", "--out", "x"], ["generate", "--ray=auto", "model", "--out", "x"]),
        (["prepare", "a", "--ray"], ["prepare", "a", "--ray=auto"]),
        (["--ray", "--out", "x"], ["--ray=auto", "--out", "x"]),
        (["--ray", "head:6379", "model"], ["--ray", "head:6379", "model"]),
        (["--ray", "local", "--ray=auto"], ["--ray", "local", "--ray=auto"]),
        (["a", "b"], ["a", "b"]),
    ],
)
def test_an_option_whose_value_may_be_left_out(given, meant) -> None:
    assert with_ray_address(given) == meant


def test_an_error_goes_to_another_process_whole() -> None:
    error = pickle.loads(pickle.dumps(InputError("a", "b", "c")))
    assert (error.expected, error.got, error.action, str(error)) == ("a", "b", "c", "expected a; got b; c")


def test_where_the_environment_keeps_ray_on_this_machine_a_cluster_is_on_loopback(monkeypatch) -> None:
    """Ray then calls this machine by its loopback address itself, where something answers."""
    ray = pytest.importorskip("ray", reason="the extra 'ray' is not installed")
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        monkeypatch.setattr(ray.util, "get_node_ip_address", lambda: "127.0.0.1")
        assert connection._on_loopback(ray, f"127.0.0.1:{listening.getsockname()[1]}")
