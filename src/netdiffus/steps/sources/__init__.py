"""What `prepare` reads."""
