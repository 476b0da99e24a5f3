"""Guided backpropagation: the gradient with negative values set to 0 at each ReLU in the backward pass."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray

from gz2interp.network.model_probe import ModelProbe
from gz2interp.network.scores import Score
from gz2interp.results import Attribution

__all__ = ["CAVEAT", "guided_backprop"]

CAVEAT = (
    "Guided backpropagation draws edges of the image that hardly depend on what the network has learnt (Adebayo et al. "
    "2018, arXiv:1810.03292): it shows the structure of the image, and is no evidence for what the network responds to."
)


def guided_backprop(
    probe: ModelProbe, images: NDArray[np.float32], score: Score, *, at: str = "scaled", warn: bool = True
) -> Attribution:
    """The gradient of a score, with only positive values passing each ReLU, in the forward and the backward pass.

    Parameters
    ----------
    images : float32 (n, y, x, band), nanomaggies
    at : str, optional
        ``"scaled"`` or ``"input"``, as in `gz2interp.attribution.gradient`.
    warn : bool, optional
        Issue `CAVEAT` as a warning.

    Returns
    -------
    Attribution
        float32 (n, y, x, band).

    Raises
    ------
    InputError
        The network has no ReLU.

    Warns
    -----
    UserWarning
        `CAVEAT`.

    References
    ----------
    Springenberg, Dosovitskiy, Brox & Riedmiller 2015, Striving for simplicity, https://arxiv.org/abs/1412.6806
    """
    if warn:
        warnings.warn(CAVEAT, stacklevel=2)
    result = probe.guided_gradients(images, score, at)
    return Attribution(
        result.gradients, result.scores, "guided_backprop", score.name, domain=result.domain, parameters={"at": at}
    )
