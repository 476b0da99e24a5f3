"""Ours beside tf-keras-vis: equal where it works, and at work where it fails."""

from __future__ import annotations

import numpy as np
import pytest

from gz2interp.attribution import (
    faster_score_cam,
    grad_cam,
    grad_cam_plus_plus,
    gradient,
    hires_cam,
    layer_cam,
    score_cam,
    smooth_grad,
)
from gz2interp.attribution.grad_cam import cells_of, grad_cam_plus_plus_cells
from gz2interp.attribution.score_cam import masked_scores
from gz2interp.errors import InputError
from gz2interp.network import tf_keras_vis
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
    for method in (grad_cam, layer_cam):
        ours, theirs = (method(probe, IMAGES, SCORE, "conv1", backend=backend) for backend in ("ours", THEIRS))
        close(ours.values, theirs.values)


def test_their_score_cam_weighs_what_ours_sees_through_each_channel():
    probe, score = Probe(networks.plain_network()), probability(1)
    planes = probe.activations(IMAGES, "conv2")
    channels = np.tile(np.arange(planes.shape[-1]), (len(IMAGES), 1))
    seen = masked_scores(probe, IMAGES, score, "conv2", planes, channels, "corners")
    cells, scores = tf_keras_vis.score_cam(probe, IMAGES, score, "conv2")
    close(cells, np.einsum("nyxc,nc->nyx", planes, seen))
    close(scores, probe.scores(IMAGES, score))


def test_their_grad_cam_plus_plus_divides_by_the_sum_of_the_shares():
    """Where a mean follows the layer, gradients are alike over a plane and so are the shares."""
    probe = Probe(networks.plain_network())
    answer = probe.gradients(IMAGES, logit(1), at="conv2")
    assert np.ptp(answer.gradients, axis=(1, 2)).max() < 1e-6
    slopes = answer.gradients[:, 0, 0]
    cells, _ = tf_keras_vis.class_activation_map(probe, IMAGES, logit(1), "conv2", "grad_cam_plus_plus")
    plain = np.maximum(np.einsum("nyxc,nc->nyx", answer.values, np.maximum(slopes, 0)), 0)
    close(cells, plain * np.exp(answer.scores)[:, None, None])
    places = np.prod(answer.values.shape[1:3])
    weights = places * np.maximum(slopes, 0) / (2 + slopes * answer.values.sum(axis=(1, 2)))
    expected = np.einsum("nyxc,nc->nyx", answer.values, weights)
    close(grad_cam_plus_plus_cells(answer.values, answer.gradients), expected)


def test_where_a_mean_follows_hires_cam_is_grad_cam():
    probe = Probe(networks.plain_network())
    close(hires_cam(probe, IMAGES, SCORE, "conv2").values, grad_cam(probe, IMAGES, SCORE, "conv2").values)


@pytest.mark.parametrize("method", [smooth_grad, grad_cam_plus_plus, score_cam, faster_score_cam])
def test_their_other_methods_can_be_chosen(method):
    probe = Probe(networks.plain_network())
    options = {"samples": 4} if method is smooth_grad else {}
    theirs = method(probe, IMAGES, probability(1), backend=THEIRS, **options)
    assert theirs.parameters["backend"] == THEIRS
    assert np.isfinite(theirs.values).all()
    assert theirs.values.any()
    assert theirs.values.shape == method(probe, IMAGES, probability(1), **options).values.shape


@pytest.mark.parametrize("build", [networks.nested_network, networks.subclassed_network])
def test_where_theirs_fails_ours_works(build):
    probe = Probe(build())
    with pytest.raises(InputError, match=r"tf-keras-vis cannot explain .* backend='ours'"):
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
