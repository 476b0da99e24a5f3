"""Where a score comes from: one published method, one file.

>>> list(METHODS)
['gradient', 'gradient_x_input', 'grad_cam']
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from gz2interp.attribution.grad_cam import grad_cam
from gz2interp.attribution.gradient import gradient
from gz2interp.attribution.gradient_x_input import gradient_x_input
from gz2interp.attribution.questions import BACKENDS, Differentiable
from gz2interp.results import Attribution

__all__ = ["BACKENDS", "METHODS", "Differentiable", "Method", "grad_cam", "gradient", "gradient_x_input"]


@dataclass(frozen=True)
class Method:
    """An attribution method, as a command line or a dashboard lists it.

    Attributes
    ----------
    name : str
        In options and addresses.
    title : str
        For the reader.
    function : callable
        ``function(probe, images, score, ...) -> Attribution``.
    has_bands : bool
        Whether its maps are (n, y, x, band), and not (n, y, x).
    needs_layer : bool
        Whether it takes a `layer`.
    reference : str
        The paper.
    """

    name: str
    title: str
    function: Callable[..., Attribution]
    has_bands: bool
    needs_layer: bool
    reference: str


METHODS: Final = {
    method.name: method
    for method in (
        Method("gradient", "Gradient", gradient, True, False, "Simonyan et al. 2014, arXiv:1312.6034"),
        Method(
            "gradient_x_input",
            "Gradient x input",
            gradient_x_input,
            True,
            False,
            "Shrikumar et al. 2016, arXiv:1605.01713",
        ),
        Method("grad_cam", "Grad-CAM", grad_cam, False, True, "Selvaraju et al. 2017, arXiv:1610.02391"),
    )
}
