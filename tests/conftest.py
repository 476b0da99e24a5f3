"""What all tests share."""

from __future__ import annotations

import bz2
import os
import shutil
from collections.abc import Iterator
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


@pytest.fixture(scope="session")
def unpacked_frames(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder of the real frames as plain FITS: to undo bzip2 takes longer than most of what is asked of them."""
    folder = tmp_path_factory.mktemp("frames")
    for packed in (real_data / "sdss_frames").glob("frame-*.fits.bz2"):
        (folder / packed.stem).write_bytes(bz2.decompress(packed.read_bytes()))
    yield folder
    shutil.rmtree(folder)  # 60 MB
