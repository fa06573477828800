"""Sessions: the flows of one client that follow each other, as series that a model learns, and back between hosts."""
