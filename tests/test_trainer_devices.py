"""Two devices learn what one learns; half precision learns too; what is kept is one float32 network."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import trainer_devices
from trainer_surveys import ring_survey, tiny_network

from gz2interp.errors import InputError
from gz2interp.network.quiet import keras
from gz2interp.stores.survey import Survey
from trainer.config import Config
from trainer.devices import is_chief
from trainer.fit import fit
from trainer.training import TrainingProgress, TrainingStopped

ROOT = Path(__file__).parent.parent
CONFIG = Config(network="tiny", epochs=4, batch_size=32, learning_rate=1e-2, warm_up=0.5)


@pytest.fixture(scope="module", autouse=True)
def _tiny():
    with tiny_network():
        yield


def _begun(*words: str, **settings: str) -> subprocess.Popen[str]:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])} | settings
    command = [sys.executable, trainer_devices.__file__, *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)


def _said(process: subprocess.Popen[str]) -> object:
    said, _ = process.communicate(timeout=300)
    assert process.returncode == 0
    return json.loads(said.splitlines()[-1])


@pytest.fixture(scope="module")
def survey(tmp_path_factory):
    return ring_survey(tmp_path_factory.mktemp("surveys") / "rings", count=160)


@pytest.mark.long
def test_two_devices_take_the_steps_of_one():
    """Batches of odd sizes, and moments of batch normalisation over both parts: the same to rounding."""
    differences = _said(_begun("compare"))
    assert differences.pop("replicas") == 2
    assert differences["plain float32"] < 1e-6
    assert differences["cnn float32"] < 1e-4
    assert differences["plain mixed_float16"] < 1e-2


@pytest.mark.long
def test_a_training_on_two_devices_goes_on_and_leaves_a_network_like_any_other(survey):
    stopped, undisturbed = _said(_begun("whole", str(survey.path)))
    assert stopped == undisturbed
    model = survey.model("stopped")
    assert model.run["replicas"] == 2
    network = keras.models.load_model(model.model_file, safe_mode=True)
    assert not any(getattr(layer, "synchronized", False) for layer in network.layers)
    outputs = network(survey.images(range(20)), training=False).numpy()
    np.testing.assert_allclose(model.predictions[["p_blob", "p_ring"]].to_numpy()[:20], outputs, atol=1e-5)


@pytest.mark.parametrize("precision", ["mixed_float16", pytest.param("mixed_bfloat16", marks=pytest.mark.long)])
def test_half_precision_learns_goes_on_and_leaves_a_float32_network(survey, precision):
    config = replace(CONFIG, precision=precision)

    def second(now: TrainingProgress) -> None:
        if (now.epoch, now.step) == (2, 2):
            raise TrainingStopped("The training was stopped")

    with pytest.raises(TrainingStopped):
        fit(survey, f"{precision}-stopped", config, progress=second)
    resumed, undisturbed = (fit(survey, f"{precision}-{name}", config) for name in ("stopped", "whole"))
    assert resumed.run["weights_digest"] == undisturbed.run["weights_digest"]
    asked = resumed.predictions.query("split == 'test'")
    assert (asked["label"] == asked["prediction"]).mean() > 0.9
    network = keras.models.load_model(resumed.model_file, safe_mode=True)
    assert {layer.compute_dtype for layer in network.layers if isinstance(layer, keras.Layer)} == {"float32"}


def test_hosts_want_to_be_told_who_they_are(monkeypatch, survey):
    config = replace(CONFIG, devices="hosts")
    for given in ("", "{}", '{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 1}}'):
        monkeypatch.setenv("TF_CONFIG", given)
        with pytest.raises(InputError, match="On each host a value such as"):
            fit(survey, "hosts", config)


def test_one_host_writes(monkeypatch):
    def written(cluster: dict[str, list[str]], kind: str, index: int) -> bool:
        monkeypatch.setenv("TF_CONFIG", json.dumps({"cluster": cluster, "task": {"type": kind, "index": index}}))
        return is_chief("hosts")

    workers = ["a:1", "b:1"]
    assert [written({"worker": workers}, "worker", index) for index in (0, 1)] == [True, False]
    assert not written({"chief": ["c:1"], "worker": workers}, "worker", 0)
    assert written({"chief": ["c:1"], "worker": workers}, "chief", 0)


@pytest.mark.long
def test_two_hosts_train_together_and_one_of_them_writes(survey: Survey):
    with socket.socket() as first, socket.socket() as second:
        for each in (first, second):
            each.bind(("127.0.0.1", 0))
        workers = [f"127.0.0.1:{each.getsockname()[1]}" for each in (first, second)]
    tasks = [
        json.dumps({"cluster": {"worker": workers}, "task": {"type": "worker", "index": index}}) for index in (0, 1)
    ]
    chief, other = (_begun("host", str(survey.path), TF_CONFIG=task) for task in tasks)
    (heard, digest, replicas), said = _said(chief), _said(other)
    assert heard > 0
    assert replicas == 2
    assert said == [0, digest, 2]
    assert not (survey.path / "models" / "hosts" / "checkpoint").exists()
