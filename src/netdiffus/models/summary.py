"""What a model draws, as its card says it: without its weights, and without torch."""

from __future__ import annotations

from collections import Counter

from netdiffus.store.cards import ModelCard


def label_of(name: str) -> str:
    """The label of a class LABEL/PROTOCOL."""
    return name.rpartition("/")[0]


def makes_packets(card: ModelCard) -> bool:
    """Whether it draws packets, and so captures."""
    return card.config.get("image") in ("fields", "bits", "prompt")


def draws_sessions(card: ModelCard) -> bool:
    """Whether `generate --sessions N` works: the dataset had enough sessions of clients to learn them."""
    return card.codec.get("sessions") is not None


def drawn_labels(card: ModelCard) -> dict[str, int]:
    """The labels that `generate --count LABEL=N` takes, with their training traces; protocols are taken together."""
    if not makes_packets(card):
        return dict(card.labels)
    labels: Counter[str] = Counter()
    for name, count in card.labels.items():
        labels[label_of(name)] += count
    return dict(labels)
