"""Differential privacy: noise, the ledger of what it costs, noisy tables of traces, and an audit that tries them."""
