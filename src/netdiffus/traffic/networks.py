"""Where synthetic clients and servers live by default, for each IP version: addresses that nobody has.

A private network (RFC 1918), the benchmark network (RFC 2544) and the documentation prefix (RFC 3849).
"""

CLIENT_NETS = ("10.0.0.0/8", "2001:db8:c::/48")
SERVER_NETS = ("198.18.0.0/15", "2001:db8:5::/48")
