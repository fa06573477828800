"""Who may ask for what: token, cookie, Host, Origin, and the headers that every answer carries.

A page of another site could send requests to a server on loopback (CSRF), or have its own name point there (DNS
rebinding). So the Host must be an address or name of this machine, whatever changes something must come from a page of
this server (Origin, RFC 6454), and every request needs the token, which a first call exchanges for a cookie.
"""

from __future__ import annotations

import hmac
import ipaddress
import re
import secrets
import socket
from urllib.parse import parse_qsl, urlencode

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SAFE = {"GET", "HEAD"}
UPLOAD = "/upload"
"""The one path that takes large bodies; it bounds them itself."""
FORM_BYTES = 1 << 20
LONGEST_TARGET = 8192
"""Bytes of a path and its query."""
HOST = re.compile(r"(?P<name>\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::(?P<port>\d{1,5}))?")
PAGES = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "frame-src 'self'; frame-ancestors 'none'; base-uri 'none'"
)
"""The Content-Security-Policy of pages; an answer may bring its own."""
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Guard:
    """Stands before the pages.

    Attributes:
        token: what the address that was printed ends with; new at every start.
    """

    def __init__(self, host: str, port: int) -> None:
        self.token = secrets.token_urlsafe(24)
        self._host = host
        self._cookie = f"netdiffus-studio-{port}"  # cookies do not tell ports apart

    def around(self, app: ASGIApp) -> ASGIApp:
        """The pages behind the guard."""

        async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                raise RuntimeError(f"no {scope['type']} is served")

            async def send_with_headers(message: Message) -> None:
                if message["type"] == "http.response.start":
                    headers = MutableHeaders(scope=message)
                    for name, value in HEADERS.items():
                        headers.setdefault(name, value)
                    headers.setdefault("Content-Security-Policy", PAGES)
                    headers.setdefault("Cache-Control", "no-store")
                await send(message)

            refused = self.answer(scope)
            await (app if refused is None else refused)(scope, receive, send_with_headers)

        return guarded

    def answer(self, scope: Scope) -> Response | None:
        """The answer to a request that may not pass, or that brings the token; None: it may pass."""
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if not self.is_own_host(host) or len(headers.getlist("host")) != 1:
            return _refused(421, "This server does not answer under that host name.")
        if len(scope["path"]) + len(scope["query_string"]) > LONGEST_TARGET:
            return _refused(414, "The address is too long.")
        query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        if scope["method"] in SAFE and scope["path"] == "/" and any(name == "token" for name, _ in query):
            return self._with_cookie(query)
        if not self._is_token(self._token_in(headers)):
            return _refused(403, "Open the address that 'netdiffus studio' printed: it holds the token.")
        if scope["method"] not in SAFE and headers.get("origin", "") != f"http://{host}":
            return _refused(403, "Only pages of this server may change something.")
        if scope["method"] not in SAFE and scope["path"] != UPLOAD and not _is_small(headers):
            return _refused(413, "A form of that size is not taken.")
        if headers.get("sec-fetch-site", "same-origin") == "cross-site":
            return _refused(403, "Pages of other sites may not ask this server.")
        return None

    def is_own_host(self, host: str) -> bool:
        """Whether a Host header names this machine by a name that nobody else can give to it."""
        match = HOST.fullmatch(host)
        if match is None:
            return False
        name = match["name"].strip("[]").lower()
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            return name in {"localhost", self._host.lower(), *self._machine_names()}
        return address.is_loopback or not self._is_loopback()

    def _machine_names(self) -> set[str]:
        return set() if self._is_loopback() else {socket.gethostname().lower()}

    def _is_loopback(self) -> bool:
        try:
            return ipaddress.ip_address(self._host).is_loopback
        except ValueError:
            return self._host == "localhost"

    def _with_cookie(self, query: list[tuple[str, str]]) -> Response:
        if not self._is_token(dict(query)["token"]):
            return _refused(403, "That token is not the one of this start: open the address printed last.")
        rest = urlencode([pair for pair in query if pair[0] != "token"])
        response = RedirectResponse(f"/?{rest}" if rest else "/", 303)
        response.set_cookie(self._cookie, self.token, httponly=True, samesite="strict", path="/")
        return response

    def _token_in(self, headers: Headers) -> str:
        found = ""
        for part in ";".join(headers.getlist("cookie")).split(";"):
            name, _, value = part.strip().partition("=")
            if name == self._cookie:
                found = value
        return found

    def _is_token(self, given: str) -> bool:
        return hmac.compare_digest(given.encode(), self.token.encode())


def _is_small(headers: Headers) -> bool:
    """Whether a request says how long its body is, and that is little; the server reads no more than it says."""
    said = headers.get("content-length", "")
    return said.isascii() and said.isdigit() and len(said) < 9 and int(said) <= FORM_BYTES


def _refused(status: int, words: str) -> Response:
    return PlainTextResponse(words + "\n", status, headers={"Connection": "close"})
