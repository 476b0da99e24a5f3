"""Attribution averaged over rotated and mirrored views of the galaxy, and its variance over them.

The orientation of a galaxy carries no information: where a map changes when the galaxy is rotated, it reflects the
network and not the galaxy.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gz2interp.errors import InputError
from gz2interp.network.model_probe import ModelProbe
from gz2interp.network.scores import Score
from gz2interp.results import Attribution
from gz2interp.views import VIEWS, apply_view, undo_view

__all__ = ["VIEWS", "apply_view", "symmetry_averaged", "undo_view"]

Floats = NDArray[np.float32]


def symmetry_averaged(
    function: Callable[..., Attribution], probe: ModelProbe, images: Floats, score: Score, **options: Any
) -> Attribution:
    """Maps by any method, averaged over the eight symmetries of the pixel grid.

    Parameters
    ----------
    function : callable
        One of the methods, as in ``METHODS["gradient"].function``.
    images : float32 (n, y, y, band), nanomaggies
        Square.
    **options
        Of the method. A `generator` among them is used by one view after the other.

    Returns
    -------
    Attribution
        The mean of the maps in the original orientation, with the `variance` of the views (that of the mean is an
        eighth of it), and the mean of the views' scores.

    Raises
    ------
    InputError
        The images are not square.

    References
    ----------
    The mean over a group makes any map equivariant under it: Cohen & Welling 2016, Group equivariant convolutional
    networks, https://arxiv.org/abs/1602.07576; here it is taken outside the network.
    """
    height, width = np.shape(images)[1:3]
    if height != width:
        raise InputError(f"Images of {height} x {width} pixels were given", "Square ones: they are turned")
    parts = [function(probe, apply_view(images, view), score, **options) for view in range(VIEWS)]
    maps = [undo_view(part.values, view) for view, part in enumerate(parts)]
    mean = np.mean(maps, axis=0, dtype=np.float64)
    variance = np.mean([np.square(view - mean) for view in maps], axis=0)
    totals = [part.total for part in parts if part.total is not None]
    steps = [part.steps for part in parts if part.steps is not None]
    return replace(
        parts[0],
        values=np.asarray(mean, np.float32),
        scores=_mean([part.scores for part in parts]),
        parameters={**parts[0].parameters, "views": VIEWS},
        total=_mean(totals) if totals else None,
        variance=np.asarray(variance, np.float32),
        steps=np.max(steps, axis=0) if steps else None,
    )


def _mean(of: Sequence[Floats]) -> Floats:
    return np.asarray(np.mean(of, axis=0), np.float32)
