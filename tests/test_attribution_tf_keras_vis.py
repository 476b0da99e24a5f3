"""Ours beside tf-keras-vis: equal where it works, and at work where it fails."""

from __future__ import annotations

import numpy as np
import pytest

from gz2interp.attribution import grad_cam, gradient
from gz2interp.attribution.grad_cam import cells_of
from gz2interp.errors import InputError
from gz2interp.network.probe import Probe
from gz2interp.network.quiet import keras
from gz2interp.network.scores import logit, probability
from gz2interp.network.tf_keras_vis import Gradcam, Saliency
from gz2interp.testing import networks

THEIRS = "tf-keras-vis"
KINDS = {
    "plain": networks.plain_network,
    "sequential": networks.sequential_network,
    "dense_softmax": networks.dense_softmax_network,
    "separate_softmax": networks.separate_softmax_network,
    "sigmoid": networks.sigmoid_network,
    "pooled": networks.pooled_network,
}
SCORE = logit(1) - 0.5 * probability(0)
IMAGES = np.random.default_rng(2).normal(size=(5, *networks.SHAPE)).astype(np.float32)


def close(values, expected):
    np.testing.assert_allclose(values, expected, rtol=0, atol=1e-4)
    np.testing.assert_allclose(values, expected, rtol=0, atol=1e-4 * float(np.abs(expected).max()))


def up_to_logits(model):
    return keras.Model(model.inputs, model.get_layer("logits").output)


def test_the_gradient_is_their_saliency():
    model = networks.plain_network()
    expected = Saliency(up_to_logits(model))(
        lambda logits: logits[:, 1], IMAGES, keepdims=True, gradient_modifier=None, normalize_map=False
    )
    close(gradient(Probe(model), IMAGES, logit(1), at="input").values, expected)


@pytest.mark.parametrize("layer", ["conv1", "conv2"])
@pytest.mark.parametrize("expand", [False, True])
def test_grad_cam_is_theirs_in_cells_and_on_pixels(layer, expand):
    model = networks.plain_network()
    expected = Gradcam(up_to_logits(model))(
        lambda logits: logits[:, 1],
        IMAGES,
        penultimate_layer=layer,
        activation_modifier=None,
        normalize_cam=False,
        expand_cam=expand,
    )
    probe = Probe(model)
    ours = grad_cam(probe, IMAGES, logit(1), layer, alignment="corners").values
    close(ours if expand else cells_of(probe.gradients(IMAGES, logit(1), at=layer)), expected)


@pytest.mark.parametrize("kind", KINDS)
def test_the_backends_agree(kind):
    probe = Probe(KINDS[kind](), batch_size=3)
    ours, theirs = gradient(probe, IMAGES, SCORE, at="input"), gradient(probe, IMAGES, SCORE, backend=THEIRS)
    close(ours.values, theirs.values)
    close(ours.scores, theirs.scores)
    assert theirs.domain == "input"
    assert theirs.parameters["backend"] == THEIRS
    ours, theirs = (grad_cam(probe, IMAGES, SCORE, "conv1", backend=backend) for backend in ("ours", THEIRS))
    close(ours.values, theirs.values)


@pytest.mark.parametrize("build", [networks.nested_network, networks.subclassed_network])
def test_where_theirs_fails_ours_works(build):
    probe = Probe(build())
    with pytest.raises(InputError, match=r"tf-keras-vis cannot look into .* backend='ours'"):
        grad_cam(probe, IMAGES, SCORE, backend=THEIRS)
    expected = grad_cam(Probe(networks.plain_network()), IMAGES, SCORE)
    close(grad_cam(probe, IMAGES, SCORE).values, expected.values)


def test_their_grad_cam_fails_on_a_nested_network_by_itself():
    model = networks.nested_network()
    theirs = Gradcam(up_to_logits(model))
    with pytest.raises(ValueError, match="not connected"):
        theirs(lambda logits: logits[:, 1], IMAGES, penultimate_layer="conv2")


def test_a_class_that_is_not_there_is_the_user_s_mistake_in_both():
    with pytest.raises(InputError, match="no class 'bar'"):
        gradient(Probe(networks.plain_network()), IMAGES, logit("bar"), backend=THEIRS)
