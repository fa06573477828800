"""What `evaluate` and `image` read: traces of datasets, tables and captures, and the packets behind them."""
