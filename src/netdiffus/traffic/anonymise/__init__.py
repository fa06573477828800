"""Anonymised traffic: Crypto-PAn over the addresses of flows and of the headers they keep."""
