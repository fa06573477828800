"""What tests of models of prompts share: flows of two labels, and a small base of each family."""

import warnings
from pathlib import Path

import pytest

from netdiffus import recordings
from netdiffus.steps.prepare import prepare
from netdiffus.steps.sources.prepare_config import PrepareConfig
from small_bases import FAMILIES, small_base


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset of the first 4 packets of flows of DNS and NTP, one tenth of them to learn from."""
    out = tmp_path_factory.mktemp("packets") / "dataset"
    captures = [recordings.captures()[label][0] for label in ("dns", "ntp")]
    list(prepare(captures, out, PrepareConfig.of(packets=4, test=0.9)))
    return out


@pytest.fixture(scope="session")
def bases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The folder of a random base of each family."""
    folder = tmp_path_factory.mktemp("bases")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return {family: small_base(family, folder / family) for family in FAMILIES}
