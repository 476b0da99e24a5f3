"""The laws of attribution, asked of every method, with networks and with a stand-in for one."""

from __future__ import annotations

from functools import cache
from typing import ClassVar

import numpy as np
import pytest

from gz2interp.attribution import METHODS
from gz2interp.network.probe import Probe
from gz2interp.network.scores import logit
from gz2interp.testing import networks
from gz2interp.testing.contracts import AttributionContract
from gz2interp.testing.fakes import LinearProbe


@cache
def plain():
    return Probe(networks.plain_network(), batch_size=4)


class TestGradient(AttributionContract):
    method = METHODS["gradient"]

    def subject(self):
        return plain()


class TestGradientAtTheInput(TestGradient):
    parameters: ClassVar = {"at": "input"}


class TestGradientByTfKerasVis(TestGradient):
    parameters: ClassVar = {"backend": "tf-keras-vis"}


class TestGradientOfAStandIn(AttributionContract):
    method = METHODS["gradient"]

    def subject(self):
        return LinearProbe(np.random.default_rng(0).normal(size=(*self.image_shape, 2)))


class TestGradientTimesInput(TestGradient):
    method = METHODS["gradient_x_input"]


class TestGradCam(TestGradient):
    method = METHODS["grad_cam"]


class TestGradCamInANestedNetwork(AttributionContract):
    method = METHODS["grad_cam"]
    parameters: ClassVar = {"layer": "conv1", "alignment": "corners"}

    @staticmethod
    @cache
    def subject():
        return Probe(networks.nested_network())


class TestPositiveGradCam(TestGradCam):
    parameters: ClassVar = {"positive_only": True}
    linear = False


class TestGradCamByTfKerasVis(TestGradCam):
    parameters: ClassVar = {"backend": "tf-keras-vis"}


class TestGradCamOfAStandIn(TestGradientOfAStandIn):
    method = METHODS["grad_cam"]


def test_the_contract_notices_a_method_that_breaks_it():
    class Normalised(TestGradient):
        def explain(self, images, score=None):
            answer = super().explain(images, score)
            answer.values[:] /= max(np.abs(answer.values).max(initial=0), 1e-9)
            return answer

    with pytest.raises(AssertionError):
        Normalised().test_linear_in_the_score()
    with pytest.raises(AssertionError):
        Normalised().test_an_image_alone_is_explained_as_in_a_batch()


def test_methods_are_listed_by_name():
    for name, method in METHODS.items():
        assert method.name == name == method.function.__name__
        assert method.title
        assert "arXiv" in method.reference
        answer = method.function(plain(), np.ones((1, *networks.SHAPE), np.float32), logit(0))
        assert (answer.values.ndim == 4) == method.has_bands
