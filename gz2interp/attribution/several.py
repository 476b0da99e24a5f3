"""Images that are each asked about a score of their own, in one answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gz2interp.network.scores import Score
from gz2interp.results import Attribution

__all__ = ["each_by_its_score"]

Floats = NDArray[np.float32]
Part = tuple[NDArray[np.int64], Attribution]


def each_by_its_score(
    ask: Callable[[Floats, Score], Attribution], images: Floats, scores: Sequence[Score], title: str
) -> Attribution:
    """One call for each different score, put together in the images' order.

    Parameters
    ----------
    ask : callable
        A method with its options: ``ask(images, score) -> Attribution``.
    images : float32 (n, y, x, band), nanomaggies
        At least one.
    scores : sequence of Score
        Of each image.
    title : str
        What the scores are called together.
    """
    parts: list[Part] = []
    for score in dict.fromkeys(scores):
        which = np.flatnonzero([other == score for other in scores])
        parts.append((which, ask(images[which], score)))
    arrays: dict[str, Any] = {
        name: _together(parts, name, len(images)) for name in ("values", "scores", "total", "variance", "steps")
    }
    return replace(parts[0][1], score=title, **arrays)


def _together(parts: Sequence[Part], name: str, count: int) -> Floats | None:
    """One field of several answers, in the images' order; None where the method does not give it."""
    first = getattr(parts[0][1], name)
    if first is None:
        return None
    whole = np.empty((count, *first.shape[1:]), first.dtype)
    for which, part in parts:
        whole[which] = getattr(part, name)
    return whole
