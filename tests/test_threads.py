"""How threads wait: they spin briefly and then sleep, unless the user says otherwise; set before torch is loaded."""

import os
import subprocess
import sys

import pytest

SAYS = "import os, netdiffus; print(os.environ.get('GOMP_SPINCOUNT'), os.environ.get('OMP_WAIT_POLICY'))"


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({}, "20000 None"),
        ({"GOMP_SPINCOUNT": "7"}, "7 None"),
        ({"OMP_WAIT_POLICY": "ACTIVE"}, "None ACTIVE"),
    ],
)
def test_threads_spin_briefly_unless_told_otherwise(given, found) -> None:
    environment = {k: v for k, v in os.environ.items() if k not in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")}
    command = [sys.executable, "-c", SAYS]
    said = subprocess.run(command, env=environment | given, capture_output=True, text=True, check=True)
    assert said.stdout.strip() == found
