"""Flows: packets of a capture put together as conversations, with their series and headers."""
