"""Tables of other tools: text, Parquet, JSON lines and npz, read as traces."""
