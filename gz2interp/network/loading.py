"""Networks from `.keras` files, opened so that no code in them is run."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from typing import Any

from gz2interp.errors import InputError
from gz2interp.network.quiet import keras

__all__ = ["first_line", "load_network"]

WANTED = "A network saved by Keras 3 as a .keras file"


def load_network(path: Path) -> Any:
    """The network in a `.keras` file, for inference.

    Raises
    ------
    InputError
        If there is no such file, it is something else, or it could run code of its own.
    """
    if not path.is_file():
        raise InputError(f"There is no file {path}", WANTED, "Check the path")
    if path.suffix != ".keras" or not zipfile.is_zipfile(path):
        raise InputError(
            f"{path} is not a .keras file",
            WANTED,
            "Open it with the Keras it was made with, and save it again with network.save('network.keras')",
        )
    try:
        return keras.models.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # Keras raises what its parts raise: ValueError, TypeError, KeyError, OSError, ...
        raise _explained(path, error) from error


def _explained(path: Path, error: Exception) -> InputError:
    text = str(error)
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
        f"{path} could not be opened: {first_line(error)}", WANTED, "Save the network again with this Keras"
    )


def first_line(error: Exception) -> str:
    """What an error of another package says first, without its full stop."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)[:200].rstrip(".")
