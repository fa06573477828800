"""The manifests target without atheris: changed manifests of every kind give an object or an InputError."""

from random import Random

import pytest

from fuzz import forms, manifests
from netdiffus.errors import InputError

RUNS = 3000


@pytest.fixture(scope="module")
def form() -> forms.Form:
    return forms.compiled_form(*manifests.MODULES)


def flipped(random: Random):
    """A native mutation in the place of libFuzzer's: some bytes are others, new or gone."""

    def native(data: bytes, size: int) -> bytes:
        changed = bytearray(data)
        for _ in range(random.randint(1, 4)):
            place = random.randrange(len(changed) + 1)
            changed[place : place + random.randrange(2)] = random.randbytes(random.randrange(2))
        return bytes(changed[:size])

    return native


def test_every_seed_is_a_manifest_that_is_accepted(form) -> None:
    seeds = list(manifests.seeds())
    assert {seed[:1] for seed in seeds} == set(manifests.READERS)
    for seed in seeds:
        manifests.READERS[seed[:1]](seed[1:], form)


def test_changed_manifests(form) -> None:
    random, refused = Random(0), 0
    seeds = list(manifests.seeds())
    for _ in range(RUNS):
        data = manifests.mutate(random.choice(seeds), manifests.MAX_BYTES, flipped(random), random)
        manifests.one(data, form, form)
        try:
            manifests.READERS.get(data[:1], manifests.READERS[b"M"])(data[1:], form)
        except form["errors"].InputError:
            refused += 1
    assert RUNS // 2 < refused < RUNS  # most changes matter, and some leave a manifest that can be


def test_the_target_notices_what_it_should(form, monkeypatch) -> None:
    seed = next(manifests.seeds())
    monkeypatch.setattr(form["models.manifest"], "codec_of", None)
    with pytest.raises(TypeError):
        manifests.one(seed, form, form)
    assert form["errors"].InputError is not InputError  # the form has classes of its own
