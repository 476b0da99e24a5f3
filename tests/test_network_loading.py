"""Networks from files: opened safely, and without a word."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile

import numpy as np
import pytest

from gz2interp.errors import InputError
from gz2interp.network.probe import Probe
from gz2interp.network.quiet import keras, without_log_lines
from gz2interp.testing import networks

# Keras itself turns its variables into arrays in a way that NumPy 2 is giving up, whenever it saves a network.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture
def saved(tmp_path):
    networks.plain_network().save(tmp_path / "network.keras")
    return tmp_path / "network.keras"


def test_a_saved_network_answers_as_before(saved):
    images = np.random.default_rng(0).normal(size=(3, *networks.SHAPE)).astype(np.float32)
    probe = Probe.open(saved, networks.CLASS_NAMES)
    np.testing.assert_allclose(
        probe.probabilities(images), Probe(networks.plain_network()).probabilities(images), atol=1e-6
    )
    assert probe.class_names == networks.CLASS_NAMES


@pytest.mark.parametrize("build", [networks.nested_network, networks.sequential_network, networks.subclassed_network])
def test_other_kinds_open_too(build, tmp_path):
    build().save(tmp_path / "network.keras")
    assert [layer.kind for layer in Probe.open(str(tmp_path / "network.keras")).layers].count("Conv2D") == 2


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match=r"There is no file .*absent\.keras"):
        Probe.open(tmp_path / "absent.keras")


@pytest.mark.parametrize("name", ["network.keras", "network.h5"])
def test_a_file_that_is_something_else(tmp_path, name):
    (tmp_path / name).write_text("a poem")
    with pytest.raises(InputError, match=r"is not a \.keras file"):
        Probe.open(tmp_path / name)


def test_a_damaged_file(saved):
    with zipfile.ZipFile(saved, "w") as archive:
        archive.writestr("config.json", "{}")
    with pytest.raises(InputError, match="cannot be read"):
        Probe.open(saved)


def rewritten(file, member, change):
    """The same file with one member changed, its checksum right."""
    with zipfile.ZipFile(file) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, change(content) if name == member else content)


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [
        ("Dense", "units", 2**31 - 1),
        ("Conv2D", "filters", 10**8),
        ("Conv2D", "kernel_size", [10**6, 10**6]),
        ("Conv2D", "filters", "many"),
        ("Conv2D", "strides", [0, 0]),
    ],
)
def test_layers_beyond_the_weights_are_refused_before_there_is_room_for_them(saved, kind, name, value):
    def change(content):
        record = json.loads(content)
        next(each for each in record["config"]["layers"] if each["class_name"] == kind)["config"][name] = value
        return json.dumps(record)

    rewritten(saved, "config.json", change)
    with pytest.raises(InputError, match=r"network\.keras"):
        Probe.open(saved)


def test_weights_that_are_damaged_are_refused(saved):
    good = saved.read_bytes()
    at = len(good) // 2
    saved.write_bytes(good[:at] + bytes([good[at] ^ 4]) + good[at + 1 :])
    with pytest.raises(InputError, match=r"checksum of model\.weights\.h5"):
        Probe.open(saved)
    saved.write_bytes(good)
    rewritten(saved, "model.weights.h5", lambda content: content[: len(content) // 2])
    with pytest.raises(InputError, match="HDF5 content is damaged"):
        Probe.open(saved)


def test_a_lambda_layer_is_refused(tmp_path):
    image = keras.Input(networks.SHAPE)
    doubled = keras.layers.Lambda(lambda image: 2 * image)(image)
    model = keras.Model(image, keras.layers.Dense(2, activation="softmax")(keras.layers.Flatten()(doubled)))
    model.save(tmp_path / "network.keras")
    with pytest.raises(InputError, match=r"Python code of its own.*Replace the Lambda"):
        Probe.open(tmp_path / "network.keras")


def test_a_layer_that_nobody_registered_is_named(tmp_path):
    class Unknown(keras.layers.Layer):
        def call(self, inputs):
            return inputs + 1

    image = keras.Input(networks.SHAPE)
    model = keras.Model(image, keras.layers.Dense(2)(keras.layers.Flatten()(Unknown()(image))))
    model.save(tmp_path / "network.keras")
    with pytest.raises(InputError, match="a layer that is not known here: Unknown"):
        Probe.open(tmp_path / "network.keras")


def test_nothing_is_said_on_the_terminal(saved):
    code = (
        "import sys, numpy as np\n"
        "from gz2interp.network.probe import Probe\n"
        "from gz2interp.network.scores import logit\n"
        f"probe = Probe.open({str(saved)!r}); images = np.zeros((2, 16, 16, 5), np.float32);"
        "probe.probabilities(images); probe.gradients(images, logit(0)); print('kept', file=sys.stderr)"
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("TF_", "KERAS_"))}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == ""
    assert done.stderr == "kept\n"


def test_what_is_no_log_line_is_handed_on(capfd):
    with without_log_lines():
        os.write(2, b"I0000 00:00:1 port.cc:1] chatter\nWord of mine\n")
    assert capfd.readouterr().err == "Word of mine\n"


def test_after_a_failure_everything_is_handed_on(capfd):
    def fail():
        with without_log_lines():
            os.write(2, b"E0000 00:00:1 cuda.cc:1] why\n")
            raise RuntimeError("on purpose")

    with pytest.raises(RuntimeError):
        fail()
    assert capfd.readouterr().err == "E0000 00:00:1 cuda.cc:1] why\n"
