"""The headers that a bit image can show, as nPrint names them."""

NETWORK, TRANSPORT = ("ipv4", "ipv6"), ("tcp", "udp", "icmp")
ALL = NETWORK + TRANSPORT
