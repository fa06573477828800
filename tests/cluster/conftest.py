"""A Ray cluster of this machine that the tests of this folder share."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from netdiffus import prepare, recordings, train
from netdiffus.cluster import connection
from netdiffus.cluster.connection import Cluster, connected


@pytest.fixture(scope="package")
def cluster() -> Iterator[Cluster]:
    """Two workers; the verbs use the connection that this process has."""
    pytest.importorskip("ray", reason="the extra 'ray' is not installed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(connection, "OBJECTS_BYTES", 200 << 20)
        patch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
        patch.setenv("RAY_worker_niceness", "0")  # else a busy machine would hardly let them work
        context = connected("local")
        found = context.__enter__()
    try:
        yield found
    finally:
        context.__exit__(None, None, None)


@pytest.fixture(scope="package")
def packet_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of the first packets of flows of two labels."""
    folder = tmp_path_factory.mktemp("packets")
    prepare([recordings.captures()[label][0] for label in ("dns", "ntp")], folder / "dataset", packets=8)
    return train(folder / "dataset", folder / "model", image="fields", preset="tiny", steps=2, batch=8)
