"""What an attribution method computes with a network, the backends that do it, and batches of several scores."""

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
    """The name itself, if there is such a backend.

    Raises
    ------
    InputError
        If there is none.
    """
    if name in BACKENDS:
        return name
    raise InputError(f"There is no backend {name!r}", f"One of {choices(BACKENDS)}", f"Leave it out for {OURS!r}")


def tf_keras_vis_backend() -> ModuleType | Any:
    """The adapter to tf-keras-vis, which loads TensorFlow, when somebody asks for it."""
    from gz2interp.network import tf_keras_vis

    return tf_keras_vis


Part = tuple[NDArray[np.int64], Attribution]


def explain_by_score(
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
