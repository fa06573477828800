"""How many traces of each label are drawn: as the user names them, by the training mix, or in equal parts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import numpy as np

from netdiffus.errors import InputError
from netdiffus.models.counts import check_counts
from netdiffus.models.manifest import ModelManifest
from netdiffus.models.packet_codec import PacketCodec
from netdiffus.models.prompts.codec import PromptCodec
from netdiffus.models.prompts.steering import named_label
from netdiffus.models.services import label_of, protocol_of


def label_counts(mix: Mapping[str, int], count: int | dict[str, int], *, balance: bool) -> dict[str, int]:
    """How many traces of each label: as named, or `count` in all by the training mix or in equal parts.

    Shares are rounded by largest remainder, so that they add up to `count`.

    Raises:
        InputError: a label that the model does not know, or a count out of its range.
    """
    if isinstance(count, dict):
        unknown = [label for label in count if label not in mix]
        if unknown:
            raise InputError(f"labels among {', '.join(mix)}", repr(unknown[0]), "correct --count")
        check_counts(count)
        return count
    check_counts(count)
    weights = np.array([1.0 if balance else number for number in mix.values()])
    exact = count * weights / weights.sum()
    whole = np.floor(exact).astype(int)
    for index in np.argsort(whole - exact, kind="stable")[: count - whole.sum()]:
        whole[index] += 1
    return {label: int(number) for label, number in zip(mix, whole, strict=True) if number}


def class_counts(
    mix: Mapping[str, int], count: int | dict[str, int], *, balance: bool, protocol: str | None
) -> dict[str, int]:
    """How many flows of each class: labels as `label_counts` has it, their protocols by the mix.

    Args:
        protocol: this one alone, "tcp" or "udp"; None: all.
    """
    kept = {name: n for name, n in mix.items() if protocol is None or protocol_of(name) == protocol}
    if not kept:
        raise InputError("a protocol that the training flows have", str(protocol), "leave --protocol out")
    labels: Counter[str] = Counter()
    for name, n in kept.items():
        labels[label_of(name)] += n
    counts: dict[str, int] = {}
    for label, n in label_counts(labels, count, balance=balance).items():
        counts |= label_counts({name: n for name, n in kept.items() if label_of(name) == label}, n, balance=False)
    return {name: counts[name] for name in mix if name in counts}


def prompted_counts(manifest: ModelManifest, text: str, count: int, *, protocol: str | None = None) -> dict[str, int]:
    """How many flows of each class a prompt asks for: of the label and the protocol in it, else by the training mix.

    Raises:
        InputError: the label has no flows of that protocol.
    """
    mix = manifest.card.labels
    named = named_label(text, list(mix))
    wanted = protocol or named.protocol
    if wanted is not None and named.label is not None and f"{named.label}/{wanted}" not in mix:
        known = ", ".join(name.rpartition("/")[2] for name in mix if label_of(name) == named.label)
        raise InputError(f"a protocol that {named.label} has ({known})", wanted, "correct the prompt or --protocol")
    asked: int | dict[str, int] = count if named.label is None else {named.label: count}
    return class_counts(mix, asked, balance=False, protocol=wanted)


def counts_of(
    manifest: ModelManifest, count: int | dict[str, int], *, balance: bool, protocol: str | None = None
) -> dict[str, int]:
    """How many traces of each label of a model; `protocol` is of flows, as in `class_counts`.

    Raises:
        InputError: as in `label_counts`.
    """
    mix = manifest.card.labels
    if isinstance(manifest.codec, PacketCodec | PromptCodec):
        return class_counts(mix, count, balance=balance, protocol=protocol)
    return label_counts(mix, count, balance=balance)
