"""Attribution methods: one published method, one file.

>>> list(METHODS)[:4]
['gradient', 'gradient_x_input', 'smooth_grad', 'var_grad']
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from gz2interp.attribution.bands import band_shapley
from gz2interp.attribution.expected_gradients import expected_gradients
from gz2interp.attribution.grad_cam import grad_cam, grad_cam_plus_plus
from gz2interp.attribution.gradient import gradient, gradient_x_input
from gz2interp.attribution.guided_backprop import CAVEAT, guided_backprop
from gz2interp.attribution.hires_cam import hires_cam
from gz2interp.attribution.integrated_gradients import integrated_gradients
from gz2interp.attribution.layer_cam import layer_cam
from gz2interp.attribution.occlusion import occlusion, occlusion_by_band
from gz2interp.attribution.questions import BACKENDS
from gz2interp.attribution.rise import rise
from gz2interp.attribution.score_cam import faster_score_cam, score_cam
from gz2interp.attribution.smooth_grad import smooth_grad
from gz2interp.attribution.symmetry import symmetry_averaged
from gz2interp.attribution.var_grad import var_grad
from gz2interp.results import Attribution

__all__ = [
    "BACKENDS",
    "METHODS",
    "Method",
    "band_shapley",
    "expected_gradients",
    "faster_score_cam",
    "grad_cam",
    "grad_cam_plus_plus",
    "gradient",
    "gradient_x_input",
    "guided_backprop",
    "hires_cam",
    "integrated_gradients",
    "layer_cam",
    "occlusion",
    "occlusion_by_band",
    "rise",
    "score_cam",
    "smooth_grad",
    "symmetry_averaged",
    "var_grad",
]


@dataclass(frozen=True)
class Method:
    """An attribution method and its properties.

    Attributes
    ----------
    title : str
        Name for display.
    function : callable
        ``function(probe, images, score, ...) -> Attribution``.
    reference : str
        The paper.
    has_bands : bool
        Whether its maps are (n, y, x, band), and not (n, y, x).
    needs_layer : bool
        Whether it takes a `layer`.
    draws : bool
        Whether it takes a `generator` of random numbers.
    signed : bool
        Whether negative values of a map decrease the score.
    contributes : bool
        Whether a pixel's value is its contribution to the score, so that values have a sign and can be summed over
        bands. Values of other methods are sensitivities of the score, of which the absolute value matters.
    caveat : str
        Warning to be shown with each map.
    """

    title: str
    function: Callable[..., Attribution]
    reference: str
    has_bands: bool = False
    needs_layer: bool = False
    draws: bool = False
    signed: bool = True
    contributes: bool = True
    caveat: str = ""

    @property
    def name(self) -> str:
        """Name in options and URLs."""
        return self.function.__name__


def _by_gradients(title: str, function: Callable[..., Attribution], reference: str, draws: bool = False) -> Method:
    return Method(title, function, reference, has_bands=True, draws=draws)


def _by_sensitivity(title: str, function: Callable[..., Attribution], reference: str, draws: bool = False) -> Method:
    return replace(_by_gradients(title, function, reference, draws), contributes=False)


def _at_a_layer(title: str, function: Callable[..., Attribution], reference: str) -> Method:
    return Method(title, function, reference, needs_layer=True)


def _by_hiding(title: str, function: Callable[..., Attribution], reference: str, has_bands: bool = False) -> Method:
    return Method(title, function, reference, has_bands=has_bands, draws=True)


METHODS: Final = {
    method.name: method
    for method in (
        _by_sensitivity("Gradient", gradient, "Simonyan et al. 2014, arXiv:1312.6034"),
        _by_gradients("Gradient x input", gradient_x_input, "Shrikumar et al. 2016, arXiv:1605.01713"),
        _by_sensitivity("SmoothGrad", smooth_grad, "Smilkov et al. 2017, arXiv:1706.03825", draws=True),
        replace(
            _by_sensitivity("VarGrad", var_grad, "Adebayo et al. 2018, arXiv:1810.03307", draws=True), signed=False
        ),
        _by_gradients("Integrated gradients", integrated_gradients, "Sundararajan et al. 2017, arXiv:1703.01365"),
        _by_gradients("Expected gradients", expected_gradients, "Erion et al. 2021, arXiv:1906.10670", draws=True),
        replace(
            _by_sensitivity("Guided backpropagation", guided_backprop, "Springenberg et al. 2015, arXiv:1412.6806"),
            caveat=CAVEAT,
        ),
        _at_a_layer("Grad-CAM", grad_cam, "Selvaraju et al. 2017, arXiv:1610.02391"),
        _at_a_layer("Grad-CAM++", grad_cam_plus_plus, "Chattopadhyay et al. 2018, arXiv:1710.11063"),
        _at_a_layer("HiResCAM", hires_cam, "Draelos & Carin 2020, arXiv:2011.08891"),
        _at_a_layer("LayerCAM", layer_cam, "Jiang et al. 2021, doi:10.1109/TIP.2021.3089943"),
        _at_a_layer("Score-CAM", score_cam, "Wang et al. 2020, arXiv:1910.01279"),
        _at_a_layer("Faster Score-CAM", faster_score_cam, "Wang et al. 2020, arXiv:1910.01279"),
        _by_hiding("Occlusion", occlusion, "Zeiler & Fergus 2014, arXiv:1311.2901"),
        _by_hiding("Occlusion by band", occlusion_by_band, "Zeiler & Fergus 2014, arXiv:1311.2901", has_bands=True),
        _by_hiding("RISE", rise, "Petsiuk et al. 2018, arXiv:1806.07421"),
    )
}
