"""Header fields of packets: link layers, dissection, tunnels, addresses, names."""
