"""Capture files, header fields and checksums: everything that is decided by bytes on the wire."""
