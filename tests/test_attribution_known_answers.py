"""Attributions that one can work out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from gz2interp.attribution import grad_cam, gradient, gradient_x_input
from gz2interp.attribution.grad_cam import cells_of
from gz2interp.errors import InputError, LayerNotFound
from gz2interp.network.answers import Gradients
from gz2interp.network.probe import Probe
from gz2interp.network.scores import logit
from gz2interp.testing import networks
from gz2interp.testing.fakes import LinearProbe

RNG = np.random.default_rng(5)
WEIGHTS = RNG.normal(size=(6, 8, 5, 3)).astype(np.float32)
IMAGES = RNG.normal(size=(4, 6, 8, 5)).astype(np.float32)


@pytest.mark.parametrize("probe", [LinearProbe(WEIGHTS), Probe(networks.linear_network(WEIGHTS))], ids=["fake", "real"])
class TestALinearNetwork:
    def test_its_weights_are_its_gradient(self, probe):
        answer = gradient(probe, IMAGES, logit(2) - logit(0))
        np.testing.assert_allclose(answer.values, [WEIGHTS[..., 2] - WEIGHTS[..., 0]] * 4, atol=1e-6)

    def test_gradient_times_input_is_complete(self, probe):
        answer = gradient_x_input(probe, IMAGES, logit(1))
        np.testing.assert_allclose(answer.values.sum(axis=(1, 2, 3)), answer.scores, atol=1e-4)
        np.testing.assert_allclose(answer.scores, np.tensordot(IMAGES, WEIGHTS[..., 1], 3), atol=1e-4)


@pytest.fixture(scope="module")
def probe():
    return Probe(networks.one_filter_network(weight=3.0), ["plain", "barred"])


class TestTheOneFilterNetwork:
    images = RNG.normal(size=(3, 16, 16, 5)).astype(np.float32)
    blocks = images[..., 2].reshape(3, 4, 4, 4, 4).mean(axis=(2, 4))

    def test_its_cells_are_the_blocks(self, probe):
        cells = cells_of(probe.gradients(self.images, logit("barred"), at="block"))
        np.testing.assert_allclose(cells, 3.0 / 16 * self.blocks, atol=1e-6)

    def test_the_cells_add_up_to_the_score(self, probe):
        answer = probe.gradients(self.images, logit("barred"), at="block")
        np.testing.assert_allclose(cells_of(answer).sum(axis=(1, 2)), answer.scores, atol=1e-6)

    def test_the_negative_class_sees_the_opposite(self, probe):
        for_it, against = (grad_cam(probe, self.images, logit(name)).values for name in probe.class_names)
        np.testing.assert_allclose(for_it, -against, atol=1e-7)

    def test_positive_only_leaves_out_what_speaks_against(self, probe):
        signed = cells_of(probe.gradients(self.images, logit("barred"), at="block"))
        positive = grad_cam(probe, self.images, logit("barred"), "block", positive_only=True)
        assert signed.min() < 0 <= positive.values.min()
        assert positive.parameters["positive_only"]

    def test_a_bright_block_is_drawn_where_it_is(self, probe):
        image = np.zeros((1, 16, 16, 5), np.float32)
        image[0, 4:8, 8:12, 2] = 1  # block (1, 2): its middle lies between pixels (5, 9) and (6, 10)
        drawn = grad_cam(probe, image, logit("barred")).values[0]
        y, x = (np.average(np.arange(16), weights=drawn.sum(axis=axis)) for axis in (1, 0))
        assert (y, x) == pytest.approx((5.5, 9.5), abs=1e-5)
        stretched = grad_cam(probe, image, logit("barred"), alignment="corners").values[0]
        assert np.unravel_index(stretched.argmax(), stretched.shape) == (5, 10)

    def test_what_the_filter_does_not_see_counts_nothing(self, probe):
        answer = gradient(probe, self.images, logit("barred"))
        np.testing.assert_allclose(answer.values[..., 2], 3.0 / 256, rtol=1e-5)
        assert not answer.values[..., [0, 1, 3, 4]].any()
        assert answer.domain == "input"


def test_nested_and_flattened_networks_have_one_grad_cam():
    images = RNG.normal(size=(3, *networks.SHAPE)).astype(np.float32)
    flat, nested = Probe(networks.plain_network()), Probe(networks.nested_network())
    expected = grad_cam(flat, images, logit(1))
    found = grad_cam(nested, images, logit(1))
    np.testing.assert_allclose(found.values, expected.values, atol=1e-5 * float(np.abs(expected.values).max()))
    assert (found.layer, expected.layer) == ("backbone/conv2", "conv2")


def test_cells_are_the_channels_weighted_by_their_mean_gradient():
    values, slopes = RNG.normal(size=(2, 2, 3, 4, 7)).astype(np.float32)
    expected = np.einsum("nyxc,nc->nyx", values, slopes.mean(axis=(1, 2)))
    answer = Gradients(np.zeros(2, np.float32), values, slopes, "layer")
    np.testing.assert_allclose(cells_of(answer), expected, atol=1e-6)


def test_what_cannot_be_drawn_is_told():
    probe = Probe(networks.plain_network())
    images = np.zeros((1, *networks.SHAPE), np.float32)
    with pytest.raises(InputError, match="'mean' has one number per channel"):
        grad_cam(probe, images, logit(0), "mean")
    with pytest.raises(LayerNotFound, match="the last is conv2"):
        grad_cam(probe, images, logit(0), "conv9")
    with pytest.raises(InputError, match="no alignment 'edges'"):
        grad_cam(probe, images, logit(0), alignment="edges")
    with pytest.raises(InputError, match="no backend 'lucid'"):
        gradient(probe, images, logit(0), backend="lucid")
