"""The laws of attribution, asked of every method, with networks and with a stand-in for one."""

from __future__ import annotations

from functools import cache
from inspect import signature
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

    def probe(self):
        return plain()


class TestGradientAtTheInput(TestGradient):
    parameters: ClassVar = {"at": "input"}


class TestGradientByTfKerasVis(TestGradient):
    parameters: ClassVar = {"backend": "tf-keras-vis"}


class TestGradientOfAStandIn(AttributionContract):
    method = METHODS["gradient"]

    def probe(self):
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
    def probe():
        return Probe(networks.nested_network())


class TestPositiveGradCam(TestGradCam):
    parameters: ClassVar = {"positive_only": True}
    linear = False


class TestGradCamByTfKerasVis(TestGradCam):
    parameters: ClassVar = {"backend": "tf-keras-vis"}


class TestGradCamOfAStandIn(TestGradientOfAStandIn):
    method = METHODS["grad_cam"]


class TestSmoothGrad(TestGradient):
    method = METHODS["smooth_grad"]
    parameters: ClassVar = {"samples": 5}


class TestSmoothGradAtTheInput(TestSmoothGrad):
    parameters: ClassVar = {"samples": 5, "at": "input"}


class TestVarGrad(TestSmoothGrad):
    method = METHODS["var_grad"]
    linear = False
    tolerance = 1e-4  # a difference of squares


class TestIntegratedGradients(TestGradient):
    method = METHODS["integrated_gradients"]
    parameters: ClassVar = {"steps": 7}


class TestIntegratedGradientsFromABlurredGalaxy(TestGradient):
    method = METHODS["integrated_gradients"]
    parameters: ClassVar = {"steps": 7, "baseline": "blurred"}


class TestExpectedGradients(TestGradient):
    method = METHODS["expected_gradients"]
    parameters: ClassVar = {
        "samples": 9,
        "references": np.random.default_rng(8).normal(size=(3, 16, 16, 5)).astype(np.float32),
    }


class TestGuidedBackprop(TestGradient):
    method = METHODS["guided_backprop"]
    parameters: ClassVar = {"warn": False}
    linear = False


class TestGradCamPlusPlus(TestGradCam):
    method = METHODS["grad_cam_plus_plus"]
    linear = False


class TestHiResCam(TestGradCam):
    method = METHODS["hires_cam"]


class TestLayerCam(TestGradCam):
    method = METHODS["layer_cam"]
    linear = False


class TestScoreCam(TestGradCam):
    method = METHODS["score_cam"]
    linear = False


class TestFasterScoreCam(TestScoreCam):
    method = METHODS["faster_score_cam"]
    parameters: ClassVar = {"channels": 3}


class TestOcclusion(TestGradient):
    method = METHODS["occlusion"]
    parameters: ClassVar = {"patch": 5, "stride": 4}
    tolerance = 1e-4  # a difference of scores


class TestOcclusionByBand(TestOcclusion):
    method = METHODS["occlusion_by_band"]


class TestRise(TestGradient):
    method = METHODS["rise"]
    parameters: ClassVar = {"samples": 20, "cells": 4}
    tolerance = 1e-4  # a difference of sums


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
        assert "arXiv" in method.reference or "doi" in method.reference
        assert ("generator" in signature(method.function).parameters) == method.draws
        quiet = {"warn": False} if name == "guided_backprop" else {}
        answer = method.function(plain(), np.ones((1, *networks.SHAPE), np.float32), logit(0), **quiet)
        assert (answer.values.ndim == 4) == method.has_bands
