"""What all tests share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real pixels and tables, which are not part of the project."""
    beside = Path(__file__).parents[1].parent / "shared" / "data"
    folder = Path(os.environ.get("GZ2INTERP_REAL_DATA", beside))
    if not folder.is_dir():
        pytest.skip(f"real data are not here: {folder} does not exist (GZ2INTERP_REAL_DATA may name another folder)")
    return folder
