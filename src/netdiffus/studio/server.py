"""Starting the studio: the socket, the token, the address that is printed, and the server's end."""

from __future__ import annotations

import errno
import ipaddress
import socket
import sys
import webbrowser
from pathlib import Path

from netdiffus.errors import InputError
from netdiffus.studio.options import StudioConfig
from netdiffus.studio.workspace import Workspace
from netdiffus.text import visible

WAITING = 2048
"""Connections that the kernel holds until the server takes them."""


def serve(folder: Path, config: StudioConfig) -> None:
    """Serve the pages of a folder until Ctrl-C; jobs that run then go on.

    Raises:
        InputError: the extra is not installed, the folder is missing or cannot be written, or the port is in use.
    """
    try:
        import uvicorn

        from netdiffus.studio.app import studio_app
        from netdiffus.studio.guard import Guard
        from netdiffus.studio.recent import Recent
    except ModuleNotFoundError as error:
        raise InputError(
            "the extra 'studio'", f"no package {error.name}", "install it with: pip install 'netdiffus[studio]'"
        ) from None
    workspace = Workspace.open(folder, round(config.upload_limit * (1 << 30)))
    listening = _listen(config.host, config.port)
    port = int(listening.getsockname()[1])
    guard = Guard(config.host, port)
    address = f"http://{_in_url(config.host)}:{port}/?token={guard.token}"
    if not is_loopback(config.host):
        said = f"warning: {config.host} is no loopback address: everyone who has the token can read and write {folder}"
        print(visible(said), file=sys.stderr)
    print(visible(f"studio of {workspace.root}: {address}"), flush=True)
    print("Ctrl-C ends the studio; jobs that run go on, and are found again", flush=True)
    if config.browser:
        webbrowser.open(address)
    server = uvicorn.Server(
        uvicorn.Config(
            guard.around(Recent(studio_app(workspace))), log_level="error", access_log=False, lifespan="off", ws="none",
            server_header=False, timeout_graceful_shutdown=2, timeout_keep_alive=30, backlog=WAITING,
        )
    )  # fmt: skip
    try:
        server.run(sockets=[listening])
    except KeyboardInterrupt:
        pass  # the way to end it
    finally:
        listening.close()


def is_loopback(host: str) -> bool:
    """Whether an address is reached from this machine alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _in_url(host: str) -> str:
    """An address as it stands in a URL; every address of the machine is named by one of them."""
    named = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"[{named}]" if ":" in named else named


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except socket.gaierror as error:
        raise InputError(
            "an address of this machine for --host", f"{host}: {error.strerror}", "correct --host"
        ) from None
    listening = socket.socket(family, kind, protocol)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind(address)
        listening.listen(WAITING)
    except OSError as error:
        listening.close()
        if error.errno == errno.EADDRINUSE:
            said = f"port {port}, which another program uses"
            raise InputError("a free port for --port", said, "name another, or 0 for any that is free") from None
        if error.errno in (errno.EACCES, errno.EADDRNOTAVAIL):
            raise InputError(
                "an address and port that this user may listen on", f"{host}:{port}: {error.strerror}",
                "correct --host and --port",
            ) from None  # fmt: skip
        raise
    return listening
