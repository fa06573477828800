"""Target: manifests of strangers, model.json, dataset.json, scale.json and scores.json, up to the codec.

Whatever the bytes, the typed readers give an object whose parts fit each other or raise InputError, and what is written
of an object reads as the same. The first byte says which file it is; the network is not built, but what is read of a
codec decodes and encodes.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import numpy as np

from fuzz.forms import Form, compiled_form
from fuzz.mutation import Native

MAX_BYTES = 8192
OFTEN = 8
"""One in so many manifests is also written and read again, and its codec used: that takes longer than all else."""
MODULES = ("models.manifest", "store.images", "store.report", "imaging.bits", "compiler.features.codec")
ODD: tuple[Any, ...] = (
    -8, 0, 1, -1, 2**31, 2**53, 2**63, 2**64, 10**30, 0.5, -0.0, 1e308, 1e-320, True, False, None, "", "8", "x", "gasf",
    "minmax", [], {}, [[]], [None], [1, 0], "é" * 9, "../..",
)  # fmt: skip


def one(data: bytes, plain: Form, compiled: Form) -> None:
    """Read the manifest in the form that sees coverage; an object must read the same again, and decode."""
    input_error = plain["errors"].InputError
    kind = data[:1] if data[:1] in READERS else b"MDIS"[len(data) % 4 :][:1]
    try:
        READERS[kind](data[1:], plain)
    except input_error as error:
        said = str(error)
        assert len(said) < 2000, said


def _model(raw: bytes, form: Form) -> None:
    cards = form["store.cards"]
    card = cards.ModelCard.parse(raw)
    found = form["models.manifest"].model_manifest(card)
    if len(raw) % OFTEN:
        return
    again = cards.ModelCard.parse(found.card.model_dump_json().encode())
    assert again == found.card
    series = getattr(found.codec, "series", found.codec)
    if hasattr(series, "gasf"):
        _decode(series.gasf)
        if series.coarse is not None:
            _encode_coarse(series.coarse, series.length)
    kept = found.codec.to_json()
    assert form["models.manifest"].model_manifest(again.model_copy(update={"codec": kept})).card.codec == kept


def _decode(codec: Any) -> None:
    """A codec that was read must work: classes have centres, and any z is a series that encodes again."""
    if codec.length > 64:
        return
    z = np.linspace(-4, 4, 2 * len(codec.scales) * codec.length).reshape(2, len(codec.scales), codec.length)
    series = codec.from_quantiles(z)
    assert series.shape == (2, len(codec.channels), codec.length)
    assert np.isfinite(codec.quantiles(series)).all()
    if codec.alphabets:
        assert all(np.isfinite(centres).all() for centres in codec.centres)
        classes = codec.classes(series)
        codec.from_classes(classes, np.zeros(2, np.int64), np.random.default_rng(0))


def _encode_coarse(coarse: Any, length: int) -> None:
    """Any z has coarse rows, whose codes have centres."""
    channels = len(coarse.centres)
    codes = coarse.encode(np.linspace(-4, 4, 2 * channels * length).reshape(2, channels, length))
    assert codes.shape == (2, channels, coarse.rows)
    for k, centres in enumerate(coarse.centres):
        assert np.isfinite(centres[codes[:, k]]).all()


def _dataset(raw: bytes, form: Form) -> None:
    card = form["store.cards"].DatasetCard.parse(raw)
    assert form["store.cards"].DatasetCard.parse(card.model_dump_json().encode()) == card


def _image(raw: bytes, form: Form) -> None:
    card = form["store.images"].ImageCard.parse(raw)
    if card.codec.get("codec") == "gasf":
        codec = form["imaging.codec"].GasfCodec.from_json(card.codec)
        if len(raw) % OFTEN == 0:
            _decode(codec)


def _scores(raw: bytes, form: Form) -> None:
    data = form["manifest"].parse_manifest(raw, "scores.json", "make it again")
    scores = form["store.report"].parse_scores(data)
    assert form["store.report"].parse_scores(scores) == scores


READERS: dict[bytes, Callable[[bytes, Form], None]] = {b"M": _model, b"D": _dataset, b"I": _image, b"S": _scores}


def seeds() -> Iterator[bytes]:
    """A small one of every kind: models of traces, of packets, published and imported; datasets, images and scores."""
    form = compiled_form(*MODULES)
    codec = form["imaging.codec"]
    channels, ids = ("size", "direction"), np.array([0, 1, 1])
    values = [[[0, 40, 1448], [0, 1, 1]], [[517, 0, np.nan], [0, 1, np.nan]], [[64, 64, 0], [0, 1, 0]]]
    series = np.array(values, np.float64)
    of_classes = codec.GasfCodec.fit(series, channels, ids=ids).to_json()
    of_images = codec.GasfCodec.fit(series, channels, "minmax", "direct").to_json()
    options = form["models.options"]
    rows = options.train_options("tiny").model_dump()
    unet = options.train_options("netdiffus2", width=32).model_dump() | {"length": 4}
    coarse = form["imaging.coarse"].CoarseCodebook.fit(np.linspace(-2, 2, 9).reshape(3, 1, 3), 2).to_json()
    shape = {"channels_in": 1, "channels_out": 2, "width": 32, "multipliers": [1], "blocks": 1, "attention": [],
             "heads": 4, "classes": 2}  # fmt: skip
    imported = {"image": "gasf", "preset": "imported", "network": "imported", "timesteps": 20, "schedule": "cosine",
                "shape": shape}  # fmt: skip
    of_packets, both = _of_packets(form), {"web": 2, "dns": 1}
    flat = unet | rows  # as format 5 had the options
    for config, kind, labels, number in (
        (rows, of_classes, both, 6), (rows | {"coarse": 2}, of_classes | {"coarse": coarse}, both, 6),
        (unet, of_images, both, 6), (imported, of_images, both, 6),
        (imported, {"codec": "images", "channels": ["image 0"], "length": 4}, both, 6),
        (rows | {"image": "fields"}, of_packets, {"web/tcp": 1, "dns/udp": 2}, 6),
        (flat, of_classes, both, 5), (flat | {"network": "unet", "width": 32, "length": 4}, of_images, both, 5),
        (imported | {"network": "unet"}, of_images, both, 5),
        (flat | {"image": "bits"}, of_packets | {"codec": "gasf"}, {"web/tcp": 1, "dns/udp": 2}, 5),
    ):  # fmt: skip
        yield b"M" + json.dumps(_card(config, kind, labels, number)).encode()
    yield b"D" + json.dumps(_DATASET).encode()
    bits = {"codec": "bits", "headers": ["ipv4", "tcp"], "bare": False, "length": 4, "columns": ["a", "b"]}
    for kind in (of_classes, of_images, bits):
        card = {"format": 1, "netdiffus": "0.1", "codec": kind, "labels": ["web", "dns"], "made_by": {}}
        yield b"I" + json.dumps(card).encode()
    score = {"name": "a", "value": 1.5, "floor": 0.0, "ceiling": None, "low": None, "high": 2.0, "goal": "min",
             "unit": "", "label": None, "note": ""}  # fmt: skip
    confusion = {"labels": ["web", "dns"], "counts": [[3, 0], [1, 2]]}
    yield b"S" + json.dumps([score, score | {"label": "web", "confusion": confusion}]).encode()


def _card(config: dict[str, Any], codec: dict[str, Any], labels: dict[str, int], number: int) -> dict[str, Any]:
    return {
        "format": number, "netdiffus": "0.1", "config": config, "codec": codec, "labels": labels, "dataset": "ab",
        "steps": 3, "seconds": 0.5, "validation": {"loss": 1.0, "step": 2.0}, "seed": 0, "device": "cpu",
        "versions": {"torch": "2"},
    }  # fmt: skip


_DATASET = {
    "format": 1, "netdiffus": "0.1", "hash": "ab", "labels": {"web": {"train": 3, "test": 1}},
    "sources": [{"file": "a.pcap", "sha256": "", "bytes": 9, "packets": 2, "first_ns": 1, "last_ns": None, "flows": 1,
                 "short_flows": 0, "links": {"Ethernet": 2}, "faults": {"odd": 1}}],
    "channels": [{"name": "size", "kind": "size", "unit": "bytes"}], "bin_ns": None, "packets": 64,
    "split": {"rule": "by flow", "test": 0.2, "seed": 0}, "anonymised": False, "faults": {}, "test_duplicates": 0,
}  # fmt: skip


def _of_packets(form: Form) -> dict[str, Any]:
    """The codec of a model of packets, with few words."""
    fields = form["compiler.features.manifest"]
    n, rng = len(fields.CHANNELS), np.random.default_rng(0)
    series = form["imaging.codec"].GasfCodec.fit(
        rng.integers(0, 3, (3, n, 3)).astype(np.float64), fields.CHANNELS, ids=np.array([0, 1, 1])
    )
    words = {
        "kinds": [[6] + [0] * (len(fields.KIND) - 1), [17] + [0] * (len(fields.KIND) - 1)],
        "replies": [[0] * len(fields.REPLY)],
        "hosts": [[6, 4, 60999, 64, 64, 0, 0, 0, 0, 0, 0]],
        "endings": [[-1] * fields.ENDING, [0] + [-1] * (fields.ENDING - 1)],
    }
    vocabularies = {name: {"words": rows, "counts": [1] * len(rows)} for name, rows in words.items()}
    layouts = [layout.hex() for layout in fields.CANONICAL]
    of_flows = {"codec": "fields", "channels": list(fields.CHANNELS), "length": 3, "layouts": layouts,
                "server_ports": [53, 443]} | vocabularies  # fmt: skip
    return series.to_json() | {"codec": "packets", "fields": of_flows, "gaps_ns": [0, 5, 5]}


def mutate(data: bytes, size: int, native: Native, random: Random) -> bytes:
    """A value somewhere in the tree is dropped, repeated or another; now and then the bytes themselves change."""
    try:
        tree = json.loads(data[1:])
    except ValueError:
        return native(data, size)
    choice = random.randrange(16)
    if choice == 0:
        return native(data, size)
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        _change(tree, random)
    text = json.dumps(tree, ensure_ascii=False)
    if choice == 1:
        text = text.replace("null", random.choice(("NaN", "-Infinity", "1e999", "9" * 400, "[" * 300)), 1)
    changed = data[:1] + text.encode(errors="replace")
    return changed if len(changed) <= size else data[:size]


def _change(tree: Any, random: Random) -> None:
    """One value below a list or object."""
    here = tree
    while isinstance(here, list | dict) and here:
        keys = list(here) if isinstance(here, dict) else range(len(here))
        key = random.choice(keys)
        if isinstance(here[key], list | dict) and here[key] and random.randrange(6):
            here = here[key]
            continue
        way = random.randrange(6)
        if way == 0:
            del here[key]
        elif way == 1:
            if isinstance(here, list):
                here.insert(random.randint(0, len(here)), here[key])
            else:
                here[f"{key}x"] = here[key]
        elif way == 2 and isinstance(here[key], int | float):
            whole = isinstance(here[key], int) and abs(here[key]) > 2**63  # no float holds it
            here[key] = here[key] + random.choice((-1, 1, 2**31) if whole else (-1, 1, 0.5, 2**31))
        elif way == 3:
            other = random.choice(keys)
            here[key], here[other] = here[other], here[key]
        else:
            here[key] = copy.deepcopy(random.choice(ODD))
        return
