"""Capture files and archives as they lie on disk: compression, pcap, pcapng, reading, order, writing."""
