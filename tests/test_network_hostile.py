"""Network files that were made to do harm: they are refused in words, and nothing of what they ask for is done."""

from __future__ import annotations

import io
import json
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from command_line import ran
from dashboard_fixtures import make_survey

from gz2interp.errors import InputError
from gz2interp.network.loading import load_network
from gz2interp.network.quiet import keras

pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Skipping nested container:UserWarning"),
]

Config = dict[str, Any]

SECRET = "a line of a private file"


def _function(module: str, name: str) -> Config:
    return {"module": module, "class_name": "function", "config": name, "registered_name": name}


def _object(module: str, name: str, config: Config) -> Config:
    return {"module": module, "class_name": name, "config": config, "registered_name": None}


def _activation(module: str, name: str) -> Config:
    return _object("keras.layers", "Activation", {"name": "a", "activation": _function(module, name)})


def _lookup(vocabulary: str) -> Config:
    return _object("keras.layers", "StringLookup", {"name": "s", "vocabulary": vocabulary})


HARM: dict[str, Any] = {
    "a shell": lambda folder, url: _activation("os", "system"),
    "evaluation": lambda folder, url: _activation("builtins", "eval"),
    "a command as a layer": lambda folder, url: _object(
        "subprocess", "Popen", {"args": ["touch", str(folder / "done")]}
    ),
    "a module of ours": lambda folder, url: _object(
        "gz2interp.stores.files", "write_json", {"path": str(folder / "done")}
    ),
    "the switch of safety": lambda folder, url: _object("keras.config", "enable_unsafe_deserialization", {}),
    "a download": lambda folder, url: _object(
        "keras.utils", "get_file", {"fname": "done", "origin": url, "cache_dir": str(folder), "cache_subdir": "."}
    ),
    "a download as activation": lambda folder, url: _activation("keras.utils", "get_file"),
    "a private file as vocabulary": lambda folder, url: _lookup(str(folder / "secret.txt")),
    "an address as vocabulary": lambda folder, url: _lookup(f"{url}/vocabulary.txt"),
    "a saved TensorFlow program": lambda folder, url: _object(
        "keras.layers", "TFSMLayer", {"name": "t", "filepath": str(folder)}
    ),
    "a pickled module of PyTorch": lambda folder, url: _object(
        "keras.src.utils.torch_utils",
        "TorchModuleWrapper",
        {"name": "p", "module": "gASVAAAAAAAAAACMAm9zlIwGc3lzdGVtlJOU", "output_shape": None},
    ),
    "code in a Lambda": lambda folder, url: _object(
        "keras.layers",
        "Lambda",
        {"name": "l", "function": {"class_name": "__lambda__", "config": {"code": "4wAAAAA=", "defaults": None}}},
    ),
    "a Lambda of a function": lambda folder, url: _object(
        "keras.layers", "Lambda", {"name": "l", "function": _function("os", "getcwd"), "arguments": {}}
    ),
}


@pytest.fixture
def listener() -> Iterator[tuple[str, list[str]]]:
    """An address, and the paths that were asked of it."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *words: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()
        thread.join()


def network_file(path: Path) -> Path:
    """A small network of stock layers."""
    image = keras.Input((8, 8, 5))
    keras.Model(image, keras.layers.Dense(2, activation="softmax")(keras.layers.Flatten()(image))).save(path)
    return path


def rewritten(path: Path, name: str, content: bytes) -> None:
    """Put another member into a `.keras` file."""
    with zipfile.ZipFile(path) as archive:
        members = {member: archive.read(member) for member in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for member, held in (members | {name: content}).items():
            archive.writestr(member, held)


@pytest.mark.parametrize("harm", HARM)
def test_what_would_do_harm_is_refused_in_words(tmp_path: Path, listener: tuple[str, list[str]], harm: str) -> None:
    url, asked = listener
    (tmp_path / "secret.txt").write_text(SECRET)
    file = network_file(tmp_path / "network.keras")
    inner = [_object("keras.layers", "InputLayer", {"batch_shape": [None, 8, 8, 5], "name": "i"})]
    inner.append(HARM[harm](tmp_path, url))
    whole = _object("keras", "Sequential", {"name": "sequential", "trainable": True, "layers": inner})
    rewritten(file, "config.json", json.dumps(whole).encode())
    with pytest.raises(InputError, match=r"network\.keras") as refused:
        load_network(file)
    assert SECRET not in str(refused.value)
    assert asked == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["network.keras", "secret.txt"]


@pytest.mark.parametrize(
    "way", ["external storage", "external link", "soft link to nowhere", "a size that is not there"]
)
def test_weights_that_lie_elsewhere_are_refused(tmp_path: Path, way: str) -> None:
    file = network_file(tmp_path / "network.keras")
    (tmp_path / "secret.bin").write_bytes(np.ones(1000, np.float32).tobytes())
    with zipfile.ZipFile(file) as archive:
        held = io.BytesIO(archive.read("model.weights.h5"))
    with h5py.File(held, "r+") as weights:
        kernel = _kernel(weights)
        shape = weights[kernel].shape
        del weights[kernel]
        if way == "external storage":
            place = (str(tmp_path / "secret.bin"), 0, h5py.h5f.UNLIMITED)
            weights.create_dataset(kernel, shape, np.float32, external=[place])
        elif way == "external link":
            with h5py.File(tmp_path / "other.h5", "w") as other:
                other["kernel"] = np.ones(shape, np.float32)
            weights[kernel] = h5py.ExternalLink(str(tmp_path / "other.h5"), "kernel")
        elif way == "soft link to nowhere":
            weights[kernel] = h5py.SoftLink("/nowhere")
        else:
            weights.create_dataset(kernel, (1 << 20, 1 << 20), np.float32, chunks=(1 << 10, 1 << 10))
    rewritten(file, "model.weights.h5", held.getvalue())
    with pytest.raises(InputError, match=r"network\.keras"):
        load_network(file)


def test_weights_that_lie_in_the_file_are_taken_however_it_was_written(tmp_path: Path) -> None:
    """What the test above changes is what makes the difference."""
    file = network_file(tmp_path / "network.keras")
    with zipfile.ZipFile(file) as archive:
        held = io.BytesIO(archive.read("model.weights.h5"))
    with h5py.File(held, "r+") as weights:
        kernel = _kernel(weights)
        values = np.arange(weights[kernel].size, dtype=np.float32).reshape(weights[kernel].shape)
        del weights[kernel]
        weights.create_dataset(kernel, data=values)
    rewritten(file, "model.weights.h5", held.getvalue())
    assert any(np.array_equal(each, values) for each in load_network(file).get_weights())


def _kernel(weights: Any) -> str:
    """The path of the largest array."""
    found: list[str] = []
    weights.visititems(lambda name, item: found.append(name) if isinstance(item, h5py.Dataset) else None)
    return max(found, key=lambda name: weights[name].size)


def test_a_hostile_network_is_not_imported(tmp_path: Path) -> None:
    survey = make_survey(tmp_path / "s", 12, model=False, analysed=False)
    file = network_file(tmp_path / "network.keras")
    inner = [
        _object("keras.layers", "InputLayer", {"batch_shape": [None, 8, 8, 5], "name": "i"}),
        _activation("os", "system"),
    ]
    rewritten(file, "config.json", json.dumps(_object("keras", "Sequential", {"name": "s", "layers": inner})).encode())
    done = ran("survey", "import", survey.path, "--model", file, "--classes", "a,b")
    assert done.returncode == 2, done
    assert "Traceback" not in done.stderr
    assert survey.models() == []
