"""Link-layer types of captures: their numbers and names (the registry of draft-ietf-opsawg-pcaplinktype)."""

from __future__ import annotations

NULL, ETHERNET, PPP, PPP_SERIAL, PPP_ETHER, C_HDLC, LOOP = 0, 1, 9, 50, 51, 104, 108
RAW_BSD, RAW_OPENBSD, RAW, IPV4, IPV6 = 12, 14, 101, 228, 229
LINUX_SLL, LINUX_SLL2 = 113, 276

LINKS: dict[int, str] = {
    NULL: "BSD null",
    ETHERNET: "Ethernet",
    6: "Token Ring",
    8: "SLIP",
    PPP: "PPP",
    10: "FDDI",
    11: "ATM",
    RAW_BSD: "raw IP",
    RAW_OPENBSD: "raw IP",
    PPP_SERIAL: "PPP in HDLC framing",
    PPP_ETHER: "PPPoE",
    RAW: "raw IP",
    C_HDLC: "Cisco HDLC",
    105: "802.11",
    107: "Frame Relay",
    LOOP: "OpenBSD loopback",
    LINUX_SLL: "Linux cooked v1",
    117: "OpenBSD pflog",
    119: "802.11 with Prism header",
    122: "IP over Fibre Channel",
    127: "802.11 with radiotap header",
    129: "ARCNET",
    138: "IP over FireWire",
    163: "802.11 with AVS header",
    187: "Bluetooth HCI H4",
    189: "USB, Linux",
    195: "802.15.4",
    201: "Bluetooth HCI H4 with direction",
    209: "IPMB",
    220: "USB, Linux, padded",
    IPV4: "raw IPv4",
    IPV6: "raw IPv6",
    230: "802.15.4 without FCS",
    239: "Linux netfilter log",
    247: "InfiniBand",
    249: "USBPcap",
    251: "Bluetooth LE",
    253: "Linux netlink",
    256: "Bluetooth LE with radio header",
    272: "nRF sniffer",
    LINUX_SLL2: "Linux cooked v2",
}


def link_name(number: int) -> str:
    """The name of a LINKTYPE number; one that has no name here is called by its number."""
    return LINKS.get(number, f"link type {number}")
