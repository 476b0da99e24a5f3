"""The network that has seen photographs: its stem, and its weights with and without a server."""

from __future__ import annotations

import socket
import sys
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import h5py
import numpy as np
import pytest
from keras.src.legacy.saving import legacy_h5_format
from keras.src.utils import file_utils

from gz2interp.errors import InputError
from gz2interp.network.loading import load_network
from gz2interp.network.quiet import keras
from trainer.networks import build_network
from trainer.networks.transfer import SIZE, WIDTH, band_averages
from trainer.start import load_imagenet_weights

# Keras itself reads its variables in a way that NumPy 2 finds old-fashioned.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)

KEPT = f"mobilenet_v2_weights_tf_dim_ordering_tf_kernels_{WIDTH}_{SIZE}_no_top.h5"


@pytest.fixture(scope="module")
def network():
    keras.utils.set_random_seed(1)
    return build_network("transfer", shape=(64, 64), class_count=3, scaling="asinh", softening=(0.1,) * 5)


def test_colours_are_averages_of_neighbouring_bands_the_reddest_first():
    for bands in (1, 2, 3, 5, 9):
        weights = band_averages(bands)
        assert weights.shape == (bands, 3)
        np.testing.assert_allclose(weights.sum(axis=0), 1, rtol=1e-6)
        centres = np.arange(bands) @ weights
        assert (np.diff(centres) <= 0).all()
    np.testing.assert_allclose(band_averages(3), np.eye(3)[::-1])
    np.testing.assert_allclose(band_averages(5)[:, 0], [0, 0, 0, 1 / 3, 2 / 3], atol=1e-6)


def test_it_opens_anywhere_and_says_the_same(network, tmp_path):
    images = np.random.default_rng(1).normal(size=(2, 64, 64, 5)).astype(np.float32)
    network.save(tmp_path / "transfer.keras")
    np.testing.assert_allclose(load_network(tmp_path / "transfer.keras")(images), network(images), atol=1e-5)
    assert {"scaled", "stem", "Conv1", "out_relu", "pooled", "logits"} <= {layer.name for layer in network.layers}


class Server(ThreadingHTTPServer):
    """Files of a folder, at an address of this machine."""

    @property
    def address(self):
        return f"http://127.0.0.1:{self.server_port}/"


@pytest.fixture
def keras_at(monkeypatch, tmp_path):
    """Keras' server of weights and its cache, elsewhere."""

    (tmp_path / "cache").mkdir()  # Keras would take a folder of the whole machine instead of one that is not there

    def move(address):
        module = keras.applications.MobileNetV2.__globals__
        monkeypatch.setitem(module, "BASE_WEIGHT_PATH", address)
        monkeypatch.setattr(file_utils.config, "keras_home", lambda: str(tmp_path / "cache"))

    return move


def test_without_a_network_the_choice_is_told(network, keras_at):
    closed = Server(("127.0.0.1", 0), SimpleHTTPRequestHandler)
    address = closed.address
    closed.server_close()
    keras_at(address)
    with pytest.raises(InputError, match=r"could not be loaded(.|\n)*start = \"MODEL\"(.|\n)*start = \"\""):
        load_imagenet_weights(network)


def test_a_server_that_stays_silent_is_not_waited_for(network, keras_at, monkeypatch):
    monkeypatch.setattr(sys.modules["trainer.networks.transfer"], "TIMEOUT", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        keras_at(f"http://127.0.0.1:{silent.getsockname()[1]}/")
        with pytest.raises(InputError, match="could not be loaded"):
            load_imagenet_weights(network)
    assert socket.getdefaulttimeout() is None


def test_the_backbone_begins_with_the_weights_of_the_server(network, keras_at, tmp_path):
    keras.utils.set_random_seed(7)
    backbone = keras.applications.MobileNetV2(alpha=WIDTH, include_top=False, weights=None, input_shape=(SIZE, SIZE, 3))
    (tmp_path / "served").mkdir()
    with h5py.File(tmp_path / "served" / KEPT, "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, backbone)

    class Quiet(SimpleHTTPRequestHandler):
        def __init__(self, *args):
            super().__init__(*args, directory=str(tmp_path / "served"))

        def log_message(self, *_):
            pass

    with Server(("127.0.0.1", 0), Quiet) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        keras_at(server.address)
        assert load_imagenet_weights(network) == ("stem", "logits")
        server.shutdown()
    for name in ("Conv1", "block_3_depthwise", "Conv_1"):
        np.testing.assert_array_equal(
            network.get_layer(name).get_weights()[0], backbone.get_layer(name).get_weights()[0]
        )


def test_only_the_network_with_that_backbone_has_seen_photographs():
    other = build_network("cnn", shape=(32, 32), class_count=2, scaling="asinh", softening=(0.1,))
    with pytest.raises(InputError, match="transfer"):
        load_imagenet_weights(other)
