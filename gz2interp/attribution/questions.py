"""Backends of attribution methods, and attribution of images with different scores."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from types import ModuleType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from gz2interp.errors import InputError, choices
from gz2interp.network.scores import Score
from gz2interp.results import Attribution

__all__ = [
    "BACKENDS",
    "OURS",
    "TF_KERAS_VIS",
    "check_backend",
    "explain_by_score",
    "tf_keras_vis_backend",
]


Floats = NDArray[np.float32]

OURS: Final = "ours"
TF_KERAS_VIS: Final = "tf-keras-vis"
BACKENDS: Final = (OURS, TF_KERAS_VIS)


def check_backend(name: str) -> str:
    """The name itself, if it is one of `BACKENDS`.

    Raises
    ------
    InputError
        If there is none.
    """
    if name in BACKENDS:
        return name
    raise InputError(f"There is no backend {name!r}", f"One of {choices(BACKENDS)}", f"Leave it out for {OURS!r}")


def tf_keras_vis_backend() -> ModuleType | Any:
    """The adapter to tf-keras-vis, imported on demand since it loads TensorFlow."""
    from gz2interp.network import tf_keras_vis

    return tf_keras_vis


Part = tuple[NDArray[np.int64], Attribution]


def explain_by_score(
    explain: Callable[[Floats, Score], Attribution], images: Floats, scores: Sequence[Score], title: str
) -> Attribution:
    """The attribution of each image's own score, by one call for each different score.

    Parameters
    ----------
    explain : callable
        A method with its options: ``explain(images, score) -> Attribution``.
    images : float32 (n, y, x, band), nanomaggies
        At least one.
    scores : sequence of Score
        Of each image.
    title : str
        Name of the scores together.
    """
    parts: list[Part] = []
    for score in dict.fromkeys(scores):
        which = np.flatnonzero([other == score for other in scores])
        parts.append((which, explain(images[which], score)))
    arrays: dict[str, Any] = {
        name: _merge(parts, name, len(images)) for name in ("values", "scores", "total", "variance", "steps")
    }
    return replace(parts[0][1], score=title, **arrays)


def _merge(parts: Sequence[Part], name: str, count: int) -> Floats | None:
    """One field of several attributions, in the images' order; None where the method does not return it."""
    first = getattr(parts[0][1], name)
    if first is None:
        return None
    whole = np.empty((count, *first.shape[1:]), first.dtype)
    for which, part in parts:
        whole[which] = getattr(part, name)
    return whole
