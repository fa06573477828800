"""Hostile requests: refused, and nothing is written."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from netdiffus.studio.guard import FORM_BYTES, Guard

if TYPE_CHECKING:
    from tests.studio.conftest import Site

CHANGES = ["/start/prepare", "/start/train", "/jobs/x/stop", "/preview", "/upload?name=captures/a.pcap"]
TRAVERSALS = [
    "../outside", "..", "captures/../../outside", "/etc/passwd", "%2e%2e/outside", "way-out", "way-out/traces.parquet",
    "captures/\0.pcap", ".netdiffus-studio/jobs", "a" * 5000, "//etc/passwd",
]  # fmt: skip
READERS = [
    "/dataset",
    "/capture",
    "/download",
    "/report",
    "/report/page",
    "/dataset/distributions",
    "/dataset/gasf.png",
]


def state(folder: Path) -> set[tuple[str, int]]:
    """All files with their sizes."""
    return {(str(path), path.lstat().st_size) for path in folder.rglob("*")}


@pytest.mark.parametrize("path", TRAVERSALS)
def test_no_path_leads_out_of_the_folder(site: Site, path: str) -> None:
    for page in READERS:
        answer = site.client.get(page, params={"path": path})
        assert answer.status_code in (400, 404), (page, path)
        assert "root:" not in answer.text
    before = state(site.space.root.parent)
    for verb, name in (("prepare", "source"), ("train", "dataset"), ("generate", "model"), ("check", "capture")):
        answer = site.post(f"/start/{verb}", {name: path, "out": "x", "label": "a", "count": "1"})
        assert answer.status_code == 400, verb
    for out in (path, f"{path}/x"):
        answer = site.post("/start/prepare", {"source": "captures/ntp.pcap.xz", "labels": "file", "out": out})
        assert answer.status_code == 400, out
    headers = {"origin": site.origin}
    answer = site.client.post("/upload", params={"name": f"{path}/a.pcap"}, content=b"x", headers=headers)
    assert answer.status_code == 400
    assert state(site.space.root.parent) == before


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:8765", "127.0.0.1.evil.example", "localhost.evil:8765", "10.0.0.1:8765", "", "a b"],
)
def test_other_names_of_this_machine_are_not_answered(site: Site, host: str) -> None:
    answer = site.client.get("/", headers={"host": host})
    assert answer.status_code == 421
    assert "Prepare" not in answer.text


@pytest.mark.parametrize("host", ["127.0.0.1:8765", "localhost:9000", "[::1]:8765", "127.0.0.2"])
def test_names_of_loopback_are_answered(host: str) -> None:
    assert Guard("127.0.0.1", 8765).is_own_host(host)


def test_an_open_address_is_answered_by_its_numbers_and_never_by_foreign_names() -> None:
    guard = Guard("0.0.0.0", 8765)
    assert guard.is_own_host("192.0.2.7:8765")
    assert not guard.is_own_host("evil.example:8765")


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "", "https://127.0.0.1:8765", "http://127.0.0.1:9999"]
)
@pytest.mark.parametrize("path", CHANGES)
def test_only_pages_of_the_studio_may_change_something(site: Site, path: str, origin: str) -> None:
    before = state(site.space.root)
    headers = {"origin": origin} if origin else {}
    assert site.client.post(path, content=b"x=1", headers=headers).status_code == 403
    assert state(site.space.root) == before


@pytest.mark.parametrize("cookie", ["", "wrong", "é", "a" * 3000])
def test_without_the_token_nothing_is_shown(site: Site, cookie: str) -> None:
    name = f"netdiffus-studio-{site.origin.rpartition(':')[2]}"
    jar = {"cookie": f"{name}={cookie}".encode()}
    for path in ("/", "/jobs", "/static/studio.css", "/download?path=synthetic.parquet"):
        answer = httpx.get(site.origin + path, headers=jar, verify=False)
        assert answer.status_code == 403
        assert len(answer.content) < 200
    assert httpx.get(site.origin, params={"token": "wrong"}, headers=jar, verify=False).status_code == 403
    own = jar | {"origin": site.origin.encode()}
    assert httpx.post(site.origin + "/start/check", headers=own, verify=False).status_code == 403


def test_the_cookie_is_for_this_server_alone(site: Site) -> None:
    answer = site.client.get("/", params={"token": site.guard.token})
    said = answer.headers["set-cookie"].lower()
    assert answer.status_code == 303
    assert answer.headers["location"] == "/"
    assert "httponly" in said
    assert "samesite=strict" in said


@pytest.mark.parametrize("path", ["/", "/dataset?path=dataset", "/static/flow.js", "/nothing", "/download?path=../x"])
def test_every_answer_has_its_policy(site: Site, path: str) -> None:
    headers = site.client.get(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"


def test_large_forms_and_other_sites_are_refused(site: Site) -> None:
    cookies = "; ".join(f"{name}={value}" for name, value in site.client.cookies.items())
    host = site.origin.removeprefix("http://")
    head = f"POST /start/prepare HTTP/1.1\r\nHost: {host}\r\nOrigin: {site.origin}\r\nCookie: {cookies}\r\n"
    for length in (f"Content-Length: {FORM_BYTES + 1}", "Transfer-Encoding: chunked"):
        with socket.create_connection(("127.0.0.1", int(host.partition(":")[2])), timeout=60) as sent:
            sent.sendall(f"{head}{length}\r\n\r\n".encode())
            assert sent.recv(100).startswith(b"HTTP/1.1 413 ")
    embedded = site.client.get("/", headers={"sec-fetch-site": "cross-site"})
    assert embedded.status_code == 403
    assert site.client.get("/" + "a" * 9000).status_code == 414
