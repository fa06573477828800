"""Whole traffic: what every packet of a capture adds to its flow, to the load over time and to the delays.

Packets are read as a stream; what remains are arrays of flows, of times without a long silence, and of samples of
delays.
"""
