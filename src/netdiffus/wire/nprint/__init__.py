"""nPrint: packets as rows of header bits, in text and packed, both ways."""
