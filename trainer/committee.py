"""Ensembles of networks trained on one survey, tested only on galaxies that no member was trained on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gz2interp.errors import InputError, SurveyError, choices
from gz2interp.network.loading import load_network
from gz2interp.network.probe import Probe
from gz2interp.results import versions_of
from gz2interp.stores.files import atomic_folder, write_json
from gz2interp.stores.models import ModelFolder, check_model_name
from gz2interp.stores.survey import Survey
from gz2interp.workflows.predict import predict
from gz2interp.workflows.study import Study
from trainer.calibration import temperature
from trainer.dataset import in_memory
from trainer.networks.committee import MANY_VIEWS, ONE_SCALE, ensemble
from trainer.networks.layers import MAX_SCALE, MIN_SCALE
from trainer.plan import NO_SIDE
from trainer.predict import predict as predict_pixels
from trainer.predict import prediction_function
from trainer.splits import SIDES

__all__ = ["build_ensemble"]


def build_ensemble(
    survey: Survey, name: str, members: Sequence[str], views: int = MANY_VIEWS, scales: Sequence[float] = ONE_SCALE
) -> ModelFolder:
    """Build a calibrated ensemble of a survey's models, and store it with its predictions.

    A galaxy in the training or validation sample of any member is in that sample of the ensemble, so that the test
    sample holds only galaxies unknown to all members.

    Parameters
    ----------
    name : str
        Name of the ensemble.
    members : sequence of str
        Models of the survey with the same classes; a single one is useful with several views.
    views : int
        1, or 8 for all rotations by quarter turns and reflections.
    scales : sequence of float
        Magnifications of each view: at 0.7 the galaxy appears smaller.

    Raises
    ------
    InputError
        A member is missing or differs from the others, or views or scales are out of range.
    SurveyError
        The survey has a model of that name.
    """
    scales = _checked_scales(scales)
    folders = _members(survey, members, views)
    target = survey.path / "models" / check_model_name(name)
    if target.exists():
        raise SurveyError(f"{survey.name} already has a model {name!r}", remedy="Choose another name")
    networks = [load_network(folder.model_file) for folder in folders]
    parts = _parts(folders)
    degrees = _temperature(survey, ensemble(networks, views, scales=scales), folders[0].class_names, parts)
    model = ensemble(networks, views, degrees, scales)
    with atomic_folder(target, f"the model {name!r} of {survey.name}") as aside:
        model.save(aside / "model.keras")
        write_json(aside / "run.json", _run(model, folders, {"views": views, "scales": list(scales)}, degrees, parts))
    predict(Study(survey, ModelFolder(target)), parts)
    return ModelFolder(target)


def _members(survey: Survey, names: Sequence[str], views: int) -> list[ModelFolder]:
    if views not in (1, MANY_VIEWS):
        raise InputError(f"{views} views were requested", f"1, or all {MANY_VIEWS}")
    if not names or len(set(names)) < len(names):
        raise InputError(f"The members given are {choices(names)}", "At least one model, each once")
    folders = [survey.model(name) for name in names]
    for item, read in {"class names": _class_names, "scaling": _scaling}.items():
        values = [read(folder.run) for folder in folders]
        differing = [name for name, value in zip(names, values, strict=True) if value is None or value != values[0]]
        if differing:
            raise InputError(
                f"Of the members, {choices(differing)} does not agree with {names[0]} in its {item}",
                "Networks trained on this survey, for the same classes, with the same scaling",
                "Train them with the same split_seed, so that they measure the sky noise on the same galaxies",
            )
    return folders


def _checked_scales(values: Sequence[float]) -> tuple[float, ...]:
    scales = tuple(float(value) for value in values)
    if not scales or len(set(scales)) < len(scales) or not all(MIN_SCALE <= scale <= MAX_SCALE for scale in scales):
        raise InputError(
            f"The scales {', '.join(f'{scale:g}' for scale in scales) or 'none'} were given",
            f"From {MIN_SCALE:g} to {MAX_SCALE:g}, each once; 1 is the unchanged image",
        )
    return scales


def _class_names(run: dict[str, Any]) -> Any:
    return run.get("class_names")


def _scaling(run: dict[str, Any]) -> Any:
    """The scaling of a model's input; only asinh depends on the sky noise."""
    scaling = run.get("scaling", {})
    return (scaling["kind"], scaling["sky_sigma"] if scaling["kind"] == "asinh" else None) if scaling else None


def _parts(folders: Sequence[ModelFolder]) -> pd.DataFrame:
    """The sample of each galaxy: the one closest to training among those of the members."""
    tables = [folder.predictions for folder in folders]
    order = [*SIDES, NO_SIDE]
    ranks = [pd.Index(order).get_indexer(pd.Index(table["split"])) for table in tables]
    nearest = np.min(ranks, axis=0)
    return tables[0][["row", "label"]].assign(split=np.array(order)[nearest])


def _temperature(survey: Survey, model: Any, class_names: Sequence[str], parts: pd.DataFrame) -> float:
    validation = parts[parts["split"] == "validation"]
    rows: NDArray[np.int64] = validation["row"].to_numpy(np.int64)
    if len(rows) == 0:
        return 1.0
    targets = (validation["label"].to_numpy()[:, None] == np.array(class_names)).astype(np.float32)
    return temperature(predict_pixels(prediction_function(model), in_memory(survey, rows), rows), targets)


def _run(
    model: Any, folders: Sequence[ModelFolder], settings: dict[str, Any], degrees: float, parts: pd.DataFrame
) -> dict[str, Any]:
    first = folders[0].run
    return {
        **{key: first[key] for key in ("class_names", "bands", "data_digest", "label_scheme", "scaling")},
        "members": [{"name": folder.name, "digest": folder.digest} for folder in folders],
        "config": {"members": ", ".join(folder.name for folder in folders), **settings},
        "temperature": degrees,
        "split": {str(side): int(count) for side, count in parts["split"].value_counts().items()},
        "logit_rule": Probe(model).logit_rule,
        "versions": versions_of("gz2interp", "keras", "numpy", "tensorflow"),
    }
