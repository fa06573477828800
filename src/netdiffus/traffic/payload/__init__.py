"""Application layers of synthetic flows: a protocol a file, each writes messages of given sizes and directions."""
