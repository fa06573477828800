"""What a model of packets learns: the rows of flows as series of tokens, and back."""
