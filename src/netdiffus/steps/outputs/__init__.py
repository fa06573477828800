"""What `generate` writes."""
