"""A folder with something of everything, hostile names and a broken dataset; and a client that may ask for pages."""

from __future__ import annotations

import json
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import polars as pl
import pytest
import uvicorn

from bench.small_traffic import two_labels
from netdiffus import recordings
from netdiffus.api.verbs import generate, prepare
from netdiffus.studio.app import studio_app
from netdiffus.studio.guard import Guard
from netdiffus.studio.recent import Recent
from netdiffus.studio.workspace import Workspace

HOSTILE = "<img src=x onerror=alert(1)>'\"&\u202e"


@dataclass
class Site:
    """A client that has the token's cookie, and the workspace that it looks at."""

    client: httpx.Client
    space: Workspace
    guard: Guard
    origin: str

    def get(self, page: str, /, **query: object) -> str:
        answer = self.client.get(page, params={name: str(value) for name, value in query.items()})
        assert answer.status_code == 200, answer.text
        return answer.text

    def post(self, path: str, data: dict[str, object]) -> httpx.Response:
        return self.client.post(path, data=data, headers={"origin": self.origin})


@pytest.fixture(scope="session")
def filled(small_model: Path, small_dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with captures, tables, datasets, a model and what it drew; and things that are broken or hostile."""
    folder = tmp_path_factory.mktemp("studio") / "traffic"
    for label in ("ntp", "dns"):
        (source,) = recordings.captures()[label]
        (folder / "captures").mkdir(parents=True, exist_ok=True)
        shutil.copy(source, folder / "captures" / f"{label}.pcap.xz")
    shutil.copytree(small_dataset, folder / "dataset")
    shutil.copytree(small_model, folder / "model")
    generate(folder / "model", folder / "synthetic.parquet", count=30)
    two_labels(40, seed=3).with_columns(label=pl.lit(HOSTILE)).write_parquet(folder / "hostile.parquet")
    prepare(folder / "hostile.parquet", folder / f"set {HOSTILE}")
    prepare(folder / "captures", folder / "packets", labels="file", packets=8)
    shutil.copytree(small_dataset, folder / "broken")
    (folder / "broken" / "dataset.json").write_text(json.dumps({"format": 1, "labels": "<script>"}), encoding="utf-8")
    outside = folder.parent / "outside"
    shutil.copytree(small_dataset, outside)
    (folder / "way-out").symlink_to(outside)
    return folder


@pytest.fixture(scope="session")
def site(filled: Path) -> Iterator[Site]:
    space = Workspace.open(filled, 1 << 20)
    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    guard = Guard("127.0.0.1", port)
    server = uvicorn.Server(
        uvicorn.Config(guard.around(Recent(studio_app(space))), log_level="error", lifespan="off", ws="none")
    )
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    while not server.started:
        time.sleep(0.01)
    origin = f"http://127.0.0.1:{port}"
    with httpx.Client(base_url=origin, timeout=60) as client:
        assert client.get("/", params={"token": guard.token}).status_code == 303
        yield Site(client, space, guard, origin)
    server.should_exit = True
    thread.join()
    listening.close()
