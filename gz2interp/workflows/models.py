"""The models of a survey: list, rename and remove them, and list the layers of one."""

from __future__ import annotations

import math
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
from filelock import FileLock, Timeout

from gz2interp.errors import SurveyError, SurveyLocked
from gz2interp.network.answers import LayerInfo
from gz2interp.stores.analyses import analyses_of
from gz2interp.stores.files import read_record, write_json
from gz2interp.stores.latents import LATENTS
from gz2interp.stores.models import ModelFolder, check_model_name
from gz2interp.stores.survey import Survey

if TYPE_CHECKING:
    from gz2interp.network.probe import Probe

__all__ = ["exclusive_access", "layers_table", "models_table", "remove_model", "rename_model"]

_LAYERS: Final = "layers.json"
"""File in a model's folder with its layers, so that listing them again does not load TensorFlow."""


Places = tuple[float, float, float, float]
"""Stride (y, x) and receptive field (y, x) [pixel]."""

Layers = tuple[list[LayerInfo], str, dict[str, Places]]
"""The layers of a network, the name of the default one, and the geometry of their cells by name."""

_PLACES: Final = ("stride_y", "stride_x", "field_y", "field_x")
_NO_PLACES: Final[Places] = (math.nan, math.nan, math.nan, math.nan)


def models_table(survey: Survey) -> pd.DataFrame:
    """A row per model.

    Returns
    -------
    DataFrame
        ``model``; ``kind`` ("network" or "latents"); ``classes`` (names, with commas); ``predictions`` and
        ``accuracy`` (on galaxies not used in the training; NaN where it was not evaluated), of the model as it is now;
        ``analysed`` (layers, with commas, the newest first); ``size`` [MB] with all results; ``digest``.
    """
    rows = []
    for name in survey.models():
        folder = survey.model(name)
        evaluation = None if folder.latents else folder.evaluation
        accuracy = evaluation.accuracy.value if evaluation else None
        rows.append(
            {
                "model": name,
                "kind": "latents" if folder.latents else "network",
                "classes": ", ".join(folder.class_names),
                "predictions": _has_predictions(folder),
                "accuracy": float("nan") if accuracy is None else accuracy,
                "analysed": ", ".join(_analysed(survey, folder)),
                "size": sum(file.stat().st_size for file in folder.path.rglob("*") if file.is_file()) / 1e6,
                "digest": folder.digest,
            }
        )
    columns = ["model", "kind", "classes", "predictions", "accuracy", "analysed", "size", "digest"]
    return pd.DataFrame(rows, columns=columns)


def layers_table(survey: Survey, model: ModelFolder) -> pd.DataFrame:
    """A row per layer that can be analysed, in the order of computation.

    TensorFlow is loaded the first time only: the list is stored beside the network.

    Returns
    -------
    DataFrame
        ``layer``; ``kind`` (its Keras class); ``y``, ``x`` (cells; missing where there are none), ``channels``;
        ``stride_y``, ``stride_x``, ``field_y``, ``field_x`` (distance of cells, and receptive field of a central cell
        [pixel]; NaN where there are no cells, or the receptive field is unknown);
        ``default`` (used where no layer is given); ``analysed`` (the metrics of its analyses, with commas).
    """
    layers, default, places = _layers_of(survey, model)
    analysed = _analysed(survey, model)
    return pd.DataFrame(
        {
            "layer": [layer.name for layer in layers],
            "kind": [layer.kind for layer in layers],
            "y": pd.array([layer.shape[0] if len(layer.shape) == 3 else None for layer in layers], "Int64"),
            "x": pd.array([layer.shape[1] if len(layer.shape) == 3 else None for layer in layers], "Int64"),
            "channels": [layer.shape[-1] for layer in layers],
            **dict(zip(_PLACES, np.array([places[layer.name] for layer in layers]).reshape(-1, 4).T, strict=True)),
            "default": [layer.name == default for layer in layers],
            "analysed": [", ".join(analysed.get(layer.name, ())) for layer in layers],
        }
    )


def rename_model(survey: Survey, name: str, new_name: str) -> ModelFolder:
    """Rename a model; its predictions, analyses and all other results stay valid.

    Raises
    ------
    InputError
        There is no such model, or the new name is no valid name of a folder.
    SurveyError
        There is a model of the new name already, or the survey is only read.
    SurveyLocked
        Another process is writing results of the model.
    """
    folder = _local_folder(survey, name)
    target = folder.with_name(check_model_name(new_name))
    if target.exists():
        raise SurveyError(f"{survey.name} has a model {new_name} already", remedy="Choose another name")
    with exclusive_access(folder):
        folder.rename(target)
    return ModelFolder(target)


def remove_model(survey: Survey, name: str) -> None:
    """Remove a model with all its results. Ratings belong to the survey and are kept.

    Raises
    ------
    InputError
        There is no such model.
    SurveyError
        The survey is only read.
    SurveyLocked
        Another process is writing results of the model.
    """
    folder = _local_folder(survey, name)
    aside = folder.with_name(f".{name}.removed")
    shutil.rmtree(aside, ignore_errors=True)
    with exclusive_access(folder):
        folder.rename(aside)
    shutil.rmtree(aside)


@contextmanager
def exclusive_access(folder: Path) -> Iterator[None]:
    """A context in which no other process trains or imports a model or writes its results.

    Each of these holds a lock in the model's folder or beside it while it writes.

    Raises
    ------
    SurveyLocked
        Another process holds one of the locks.
    """
    beside = folder.parent / f".{folder.name}.lock"
    with ExitStack() as stack:
        for file in [beside, *folder.rglob("*.lock")]:
            lock = FileLock(file, timeout=0)
            try:
                stack.enter_context(lock)
            except Timeout:
                raise SurveyLocked(
                    f"Another process is writing results of the model {folder.name}",
                    "A model that is not in use",
                    "Wait until it ends, then give the command again",
                ) from None
        yield
        if not folder.exists():
            with suppress(OSError):  # Windows does not remove open files
                beside.unlink()


def _local_folder(survey: Survey, name: str) -> Path:
    """The folder of a model on this machine."""
    folder = survey.model(name).path
    if survey.location.address:
        raise SurveyError(
            f"{survey.location.address} is only read",
            "A survey in a folder on this machine",
            "Rename or remove the model where the survey is stored",
        )
    return folder


def _has_predictions(folder: ModelFolder) -> bool:
    provenance = folder.predictions_provenance
    return provenance is not None and provenance.model == folder.digest


def _analysed(survey: Survey, model: ModelFolder) -> dict[str, list[str]]:
    """The analysed layers of these data and this model, the newest first, with their metrics."""
    layers: dict[str, list[str]] = {}
    for analysis in analyses_of(model.path):
        provenance = analysis.provenance
        if (provenance.data, provenance.model) == (survey.digest, model.digest):
            metrics = layers.setdefault(provenance.layer, [])
            metrics += [] if analysis.metric in metrics else [analysis.metric]
    return layers


def _layers_of(survey: Survey, model: ModelFolder) -> Layers:
    """The layers of a model, from the list beside it or from the network itself."""
    if model.latents:
        channels = int(model.latents.record["channels"])
        return [LayerInfo(LATENTS, "latents", (channels,))], LATENTS, {LATENTS: _NO_PLACES}
    file = model.path / _LAYERS
    with suppress(SurveyError):  # missing or damaged: it is written again
        digest, stored = read_record(file, _layers_from_json)
        if digest == model.digest:
            return stored
    from gz2interp.workflows.study import Study  # loads TensorFlow

    probe = Study(survey, model).probe
    layers = list(probe.layers)
    default = next((layer.name for layer in reversed(layers) if layer.spatial), "")
    places = {layer.name: _places(probe, layer, survey.shape) for layer in layers}
    records = [
        {"name": layer.name, "kind": layer.kind, "shape": list(layer.shape)}
        | {"places": [None if math.isnan(value) else value for value in places[layer.name]]}
        for layer in layers
    ]
    if not survey.location.address:
        write_json(file, {"model": model.digest, "default": default, "layers": records})
    return layers, default, places


def _places(probe: Probe, layer: LayerInfo, shape: tuple[int, int]) -> Places:
    """Stride (y, x) and receptive field (y, x) of a layer's cells [pixel]."""
    if not layer.spatial:
        return _NO_PLACES
    cells = probe.cells(layer.name, shape)
    stride_y, stride_x = (round(side, 6) for side in cells.stride)  # a mean over cells, with rounding errors
    return stride_y, stride_x, *cells.field


def _layers_from_json(record: Any) -> tuple[str, Layers]:
    """Digest of the network, and its layers."""
    layers: list[LayerInfo] = []
    places: dict[str, Places] = {}
    for item in record["layers"]:
        name = str(item["name"])
        layers.append(LayerInfo(name, str(item["kind"]), tuple(map(int, item["shape"]))))
        stride_y, stride_x, field_y, field_x = (math.nan if value is None else float(value) for value in item["places"])
        places[name] = (stride_y, stride_x, field_y, field_x)
    return str(record["model"]), (layers, str(record["default"]), places)
