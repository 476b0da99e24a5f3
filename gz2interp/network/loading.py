"""Loading of networks from `.keras` files without running code in them."""

from __future__ import annotations

import json
import math
import re
import tempfile
import threading
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from gz2interp.errors import InputError
from gz2interp.network.quiet import keras
from gz2interp.stores.decoding import check_hdf5
from gz2interp.stores.reading import MOST_TEXT, DamagedFile, reading

__all__ = ["first_line", "load_network"]

EXPECTED = "A network saved by Keras 3 as a .keras file"
_FREE_BYTES: Final = 32 << 20
_LARGE: Final = 1 << 14
_NO_SIZES: Final = ("seed", "shared_object_id")


def load_network(path: Path) -> Any:
    """The network in a `.keras` file, for inference.

    Raises
    ------
    InputError
        If there is no such file, it is something else, or it could run code of its own.
    """
    if not path.is_file():
        raise InputError(f"There is no file {path}", EXPECTED, "Check the path")
    if path.suffix != ".keras" or not zipfile.is_zipfile(path):
        raise InputError(
            f"{path} is not a .keras file",
            EXPECTED,
            "Open it with the Keras it was made with, and save it again with network.save('network.keras')",
        )
    with reading(path, expected=EXPECTED, remedy="Copy it again, or save the network again with this Keras"):
        weights = _check_members(path)
        try:
            _check_parameters(path, weights)
            return keras.models.load_model(path, compile=False, safe_mode=True)
        except DamagedFile:
            raise
        except Exception as error:  # Keras raises what its parts raise: ValueError, TypeError, KeyError, OSError, ...
            raise _explained(path, error) from error


def _check_members(path: Path) -> int:
    """Check the checksums of all members and the sizes in the weights' header; the size of the weights [bytes]."""
    with zipfile.ZipFile(path) as archive:
        if (wrong := archive.testzip()) is not None:
            raise DamagedFile(f"the checksum of {wrong} in it does not agree")
        names = archive.namelist()
        for name in ("config.json", "metadata.json"):
            if name not in names or archive.getinfo(name).file_size > MOST_TEXT:
                raise DamagedFile(f"it has no {name}")
        weights = "model.weights.h5"
        if weights not in names:
            raise DamagedFile(f"it has no {weights}")
        with tempfile.TemporaryDirectory() as folder:
            check_hdf5(Path(archive.extract(weights, folder)))
        return archive.getinfo(weights).file_size


def _check_parameters(path: Path, weights: int) -> None:
    """Count the parameters of the layers that the file describes, before Keras allocates memory for them.

    Notes
    -----
    In a stateless scope variables have shapes and no values. It runs in a thread of its own, so that Keras' global
    state of the calling thread is not changed.
    """
    with zipfile.ZipFile(path) as archive:
        text = archive.read("config.json")
    counts: list[int] = []

    def count() -> None:
        with suppress(Exception), keras.StatelessScope(initialize_variables=False):
            network = keras.saving.deserialize_keras_object(json.loads(text), safe_mode=True)
            counts.append(sum(math.prod(map(int, variable.shape)) for variable in network.variables))

    thread = threading.Thread(target=count)
    thread.start()
    thread.join()
    if counts and 2 * counts[0] > max(_FREE_BYTES, 4 * weights):
        raise DamagedFile(f"its layers have {counts[0]:,} parameters, and its weights take {weights:,} bytes")
    # A network that cannot be built fails again in Keras, but perhaps only after memory for other layers is allocated.
    if not counts and (size := _largest(json.loads(text))) > _LARGE:
        raise DamagedFile(f"its layers do not fit together, and one has the size {size:,}")


def _largest(value: Any) -> int:
    """The largest whole number in a network's description that is a size: no seed, and no number of an object."""
    if isinstance(value, dict):
        return max((_largest(item) for name, item in value.items() if name not in _NO_SIZES), default=0)
    if isinstance(value, list):
        return max(map(_largest, value), default=0)
    return value if isinstance(value, int) else 0


def _explained(path: Path, error: Exception) -> InputError:
    text = str(error)
    if re.search(r"vocabulary|not a modeling function|TFSMLayer|[Tt]orch|[Ee]xternal|virtual dataset", text):
        return InputError(
            f"{path} refers to something outside the network: {_reason(error)}",
            "A network of stock layers, with all that belongs to it in its file",
            "Ask its author to save it again without that layer",
        )
    if "Lambda" in text or "unsafe" in text or "safe_mode" in text:
        return InputError(
            f"{path} holds Python code of its own, in a Lambda layer perhaps, which could do anything on this machine",
            "A network of stock layers",
            "Replace the Lambda by keras.ops or a stock layer, such as Rescaling, and save the network again",
        )
    if unknown := re.search(r"Could not locate (?:class|function) '(.+?)'", text):
        return InputError(
            f"{path} uses a layer that is not known here: {unknown[1]}",
            "A network whose layers are stock, or registered",
            "Import the module that registers the layer (keras.saving.register_keras_serializable) before opening it",
        )
    return InputError(
        f"{path} could not be opened: {_reason(error)}", EXPECTED, "Save the network again with this Keras"
    )


def _reason(error: Exception) -> str:
    """The part of Keras' error message that names the cause."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if lines and lines[0].startswith("A total of") and len(lines) > 1:  # objects that could not be loaded
        return lines[1][:200].rstrip(".")
    return first_line(error)


def first_line(error: Exception) -> str:
    """The first line of another package's error message, without its full stop."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)[:200].rstrip(".")
