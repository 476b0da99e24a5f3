"""The benchmark runs; what it measures is not asserted here."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.mark.long
def test_the_benchmark_prints_its_table():
    command = [sys.executable, "benchmarks/attribution.py", "--images", "4", "--batch", "4", "--rounds", "1"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    names = [line[:28].strip() for line in done.stdout.splitlines()]
    assert names[0] == ""
    for kind in ("gradient", "Grad-CAM"):
        assert {f"{kind}, ours", f"{kind}, bare", f"{kind}, tf-keras-vis"} <= set(names)
    assert {"SmoothGrad, ours", "Score-CAM, ours", "RISE, ours", "occlusion, ours"} <= set(names)
