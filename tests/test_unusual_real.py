"""Real cutouts among painted galaxies: see ``benchmarks/unusual/real.py``."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from benchmarks.unusual.real import real_against_painted

FOLDER = Path(os.environ.get("GZ2INTERP_REAL_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))


@pytest.mark.realdata
@pytest.mark.long
@pytest.mark.skipif(not (FOLDER / "sdss_cutouts").is_dir(), reason="no real cutouts here: name GZ2INTERP_REAL_DATA")
def test_stars_and_artefacts_rank_above_galaxies(tmp_path: Path) -> None:
    found = real_against_painted(FOLDER / "sdss_cutouts", tmp_path, galaxies=1200, epochs=3)
    assert found.counts == (17, 15)
    assert found.auroc > 0.5
    assert found.low <= found.auroc <= found.high
