"""The most confident mistakes as pictures, for a person to say whose mistake each is.

The page holds real pixels: keep it to yourself.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray

from benchmarks.real_galaxies.data import Files

COLUMNS, ROWS = 8, 5


def write_audit(path: Path, share: NDArray[np.float64], files: Files) -> pd.DataFrame:
    """A page of the galaxies about which the network is most surely wrong; returns them as a table.

    Parameters
    ----------
    path : Path
    share : float (n,)
        The probability of S.
    files : Files
    """
    surprise = np.where(files.good.labels == "S", 1 - share, share)
    worst = np.argsort(-surprise)[: COLUMNS * ROWS]
    figure = Figure(figsize=(1.5 * COLUMNS, 1.9 * ROWS), layout="constrained")
    for axes, place in zip(figure.subplots(ROWS, COLUMNS).flat, worst, strict=True):
        _draw(axes, files, place, share[place])
    figure.savefig(path, dpi=110)
    return pd.DataFrame(
        {
            "galaxy_id": files.good.ids[worst],
            "label": files.good.labels[worst],
            "p_S": share[worst].round(3),
            "decided": files.decided[worst],
            "merger": files.merger[worst],
        }
    )


def _draw(axes: Any, files: Files, place: int, share: float) -> None:
    kind = ("decided" if files.decided[place] else "undecided") + (", merger" if files.merger[place] else "")
    said = f"label {files.good.labels[place]}, said {'ES'[int(share > 0.5)]} {max(share, 1 - share):.0%}"
    axes.imshow(files.good.pixels[place])
    axes.set_title(f"{kind}\n{said}", fontsize=7)
    axes.set_axis_off()
