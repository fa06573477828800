"""Object stores on loopback, and a folder that is read and written through pyarrow in the same way."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from netdiffus import recordings
from netdiffus.store.objects import send

Place = Callable[[str], str]
"""The URI of a name in an empty store."""


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """The address of an S3 server that asks nobody who they are."""
    server = pytest.importorskip("moto.server", reason="moto, an S3 server, is not installed")
    running = server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    yield f"http://{host}:{port}"
    running.stop()


@pytest.fixture
def s3(s3_server: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Place:
    """An empty bucket of that server."""
    from pyarrow.fs import FileSystem

    for name, value in (
        ("AWS_ENDPOINT_URL", s3_server), ("AWS_ACCESS_KEY_ID", "a"), ("AWS_SECRET_ACCESS_KEY", "b"),
        ("AWS_EC2_METADATA_DISABLED", "true"), ("AWS_DEFAULT_REGION", "us-east-1"),
    ):  # fmt: skip
        monkeypatch.setenv(name, value)
    bucket = f"b{abs(hash(tmp_path))}"
    FileSystem.from_uri("s3://any?allow_bucket_creation=true")[0].create_dir(bucket)
    return lambda name: f"s3://{bucket}/{name}"


@pytest.fixture(scope="session")
def gs_key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key as Google gives to programs, with which tokens are signed that nobody checks."""
    key = rsa.generate_private_key(65537, 2048)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    said = {"type": "service_account", "private_key_id": "1", "private_key": private, "client_email": "a@example.com"}
    path = tmp_path_factory.mktemp("gs") / "key.json"
    path.write_text(json.dumps(said | {"client_id": "1", "token_uri": "http://127.0.0.1:9"}))
    return path


@pytest.fixture(scope="session")
def gs_server() -> Iterator[str]:
    """The address of a server that speaks as Google's store does.

    It is a process of its own, with threads: pyarrow may keep all threads of this one waiting for an answer, and asks
    for the next one before it has read the first.
    """
    pytest.importorskip("gcp_storage_emulator", reason="gcp-storage-emulator, a server as Google's, is not installed")
    program = (
        "from http import server as http; http.HTTPServer = http.ThreadingHTTPServer\n"
        "from gcp_storage_emulator.server import create_server\n"
        "server = create_server('127.0.0.1', 0, in_memory=True); server.start()\n"
        "print(server._api._httpd.server_address[1], flush=True)"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        yield f"http://127.0.0.1:{running.stdout.readline().strip()}"
        running.kill()


@pytest.fixture
def gs(gs_server: str, gs_key: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Place:
    """An empty bucket of that server."""
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(gs_key))
    monkeypatch.setenv("CLOUD_STORAGE_EMULATOR_ENDPOINT", gs_server)
    bucket = f"b{abs(hash(tmp_path))}"
    said = json.dumps({"name": bucket}).encode()
    urlopen(Request(f"{gs_server}/storage/v1/b?project=p", said, {"Content-Type": "application/json"})).close()
    return lambda name: f"gs://{bucket}/{name}"


@pytest.fixture(params=["s3", "gs", "file"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """The same of each kind."""
    if request.param != "file":
        found: Place = request.getfixturevalue(request.param)
        return found
    (tmp_path / "store").mkdir()
    return lambda name: f"file://{tmp_path / 'store' / name}"


@pytest.fixture
def captures(place: Place) -> Path:
    """A prefix with a capture of two labels each, and what is none."""
    for label in ("dns", "ntp"):
        path = recordings.captures()[label][0]
        send(path, Path(place(f"captures/{label}/{path.name}")))
    send(Path(__file__), Path(place("captures/notes.txt")))
    return Path(place("captures"))
