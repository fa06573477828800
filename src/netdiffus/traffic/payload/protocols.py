"""PROTOCOLS: the application protocols that can be written, and which of them usually has a port (IANA registry)."""

from __future__ import annotations

from netdiffus.traffic.payload.bittorrent import build_bittorrent
from netdiffus.traffic.payload.dhcp import build_dhcp
from netdiffus.traffic.payload.discovery import build_dropbox, build_spotify
from netdiffus.traffic.payload.dns import build_dns
from netdiffus.traffic.payload.ethereum import build_ethereum
from netdiffus.traffic.payload.ftp import build_ftp
from netdiffus.traffic.payload.http import build_http, build_ssdp, build_tracker
from netdiffus.traffic.payload.http2 import build_http2
from netdiffus.traffic.payload.imap import build_imap
from netdiffus.traffic.payload.mail import build_pop3, build_smtp
from netdiffus.traffic.payload.mdns import build_mdns
from netdiffus.traffic.payload.media import build_rtcp, build_rtp
from netdiffus.traffic.payload.mqtt import build_mqtt
from netdiffus.traffic.payload.ntp import build_ntp
from netdiffus.traffic.payload.postgres import build_postgres
from netdiffus.traffic.payload.quic import build_quic
from netdiffus.traffic.payload.redis import build_redis
from netdiffus.traffic.payload.sip import build_sip
from netdiffus.traffic.payload.ssh import build_ssh
from netdiffus.traffic.payload.stun import build_stun
from netdiffus.traffic.payload.talk import Builder
from netdiffus.traffic.payload.tls import build_tls, build_tls_12
from netdiffus.traffic.payload.webrtc import build_webrtc

PROTOCOLS: dict[str, Builder] = {
    "bittorrent": build_bittorrent,
    "dhcp": build_dhcp,
    "dns": build_dns,
    "dropbox": build_dropbox,
    "ethereum": build_ethereum,
    "ftp": build_ftp,
    "http": build_http,
    "http2": build_http2,
    "imap": build_imap,
    "mdns": build_mdns,
    "mqtt": build_mqtt,
    "ntp": build_ntp,
    "pop3": build_pop3,
    "postgres": build_postgres,
    "quic": build_quic,
    "redis": build_redis,
    "rtcp": build_rtcp,
    "rtp": build_rtp,
    "sip": build_sip,
    "smtp": build_smtp,
    "spotify": build_spotify,
    "ssdp": build_ssdp,
    "ssh": build_ssh,
    "stun": build_stun,
    "tls": build_tls,
    "tracker": build_tracker,
    "tls12": build_tls_12,
    "webrtc": build_webrtc,
}
PORTS = {
    "tcp": {
        21: "ftp", 22: "ssh", 25: "smtp", 53: "dns", 80: "http", 110: "pop3", 143: "imap", 443: "tls", 465: "tls",
        587: "smtp", 853: "tls", 993: "tls", 995: "tls", 1883: "mqtt", 5060: "sip", 5061: "tls", 5432: "postgres",
        6379: "redis", 6881: "bittorrent", 8000: "http", 8080: "http", 8443: "tls", 8883: "tls",
        30303: "ethereum",
    },
    "udp": {
        53: "dns", 67: "dhcp", 68: "dhcp", 123: "ntp", 443: "quic", 1900: "ssdp", 3478: "stun", 4433: "quic",
        5004: "rtp", 5005: "rtcp", 5060: "sip", 5353: "mdns", 5355: "dns", 6881: "bittorrent",
        17500: "dropbox", 30303: "ethereum", 57621: "spotify",
    },
}  # fmt: skip
LOOKS_UP = frozenset({"dns"})
"""Protocols in which clients ask for the hosts that they connect to next."""

CLIENT_HELLOS = frozenset({"tls", "tls12"})
"""Protocols in which clients begin with a ClientHello that can be read."""


def by_port(transport: str, port: int) -> str | None:
    """The protocol that a server's port stands for; None: not known."""
    return PORTS.get(transport, {}).get(port)
