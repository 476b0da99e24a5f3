"""The images of one benchmark survey on the disk, painted once; killed, it goes on where it stopped."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.unusual.planted import Planting, image_of

__all__ = ["ordinary_images", "rare_images"]

PAINTERS: Final = 2
BLOCK: Final = 256


def ordinary_images(folder: Path, planting: Planting) -> NDArray[np.float32]:
    """Those of all rows that are not rare (galaxy, y, x, band), a memory map."""
    return _painted(folder / "ordinary.npy", planting, np.flatnonzero(planting.kinds == ""))


def rare_images(folder: Path, planting: Planting) -> NDArray[np.float32]:
    """Those of the rare rows at the planting's strength."""
    return _painted(folder / f"rare-{planting.name}.npy", planting, np.flatnonzero(planting.kinds != ""))


def _painted(path: Path, planting: Planting, rows: NDArray[np.int64]) -> NDArray[np.float32]:
    path.parent.mkdir(parents=True, exist_ok=True)
    counter = path.with_suffix(".done")
    done = int(counter.read_text()) if counter.exists() else 0
    mode = "r+" if done else "w+"
    shape = None if done else (len(rows), 64, 64, 5)
    images = np.lib.format.open_memmap(path, mode=mode, dtype=None if done else np.float32, shape=shape)
    with ThreadPoolExecutor(PAINTERS) as painters:
        for start in _starts(done, len(rows)):
            part = rows[start : start + BLOCK]
            for offset, image in enumerate(painters.map(lambda row: image_of(planting, int(row)), part)):
                images[start + offset] = image
            images.flush()
            counter.write_text(str(start + len(part)))
            print(f"{path.parent.name} {path.name}: {start + len(part)} of {len(rows)}", flush=True)
    return np.load(path, mmap_mode="r")


def _starts(done: int, count: int) -> Iterator[int]:
    yield from range(done, count, BLOCK)
