"""The folder of one trained network inside a survey."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from gz2interp.cards import Evaluation
from gz2interp.checks import VERSION, Check
from gz2interp.errors import InputError, SurveyError
from gz2interp.results import Provenance
from gz2interp.stores.files import digest_of_file, read_record, write_json
from gz2interp.stores.latents import Latents
from gz2interp.stores.reading import errors_as
from gz2interp.stores.tables import read_csv, read_parquet, write_parquet

__all__ = ["ModelFolder", "check_model_name"]


@dataclass(frozen=True)
class ModelFolder:
    """``models/NAME/`` of a survey."""

    path: Path

    @property
    def name(self) -> str:
        """The model's name."""
        return self.path.name

    @property
    def model_file(self) -> Path:
        """The network, in Keras' own format."""
        return self.path / "model.keras"

    @cached_property
    def latents(self) -> Latents | None:
        """Imported latents in place of a network; None where there is a network."""
        latents = Latents(self.path)
        return latents if latents.exist and not self.model_file.exists() else None

    @cached_property
    def digest(self) -> str:
        """Digest of the model file, or of the latents, sixteen hexadecimal digits."""
        latents = self.latents
        return latents.record_digest if latents else digest_of_file(self.model_file)

    @cached_property
    def run(self) -> dict[str, Any]:
        """How it was trained; empty for a network that came from elsewhere without a ``run.json``."""
        return _record(self.path / "run.json")

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes in the order of the outputs; empty where they are not known."""
        names = self.run.get("class_names", ())
        if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
            raise SurveyError(f"run.json in {self.path} has the class names {names!r}", "A list of names", "Mend it")
        return tuple(names)

    @cached_property
    def history(self) -> pd.DataFrame:
        """One row per epoch; empty for a network that came from elsewhere."""
        file = self.path / "history.csv"
        if not file.is_file():
            return pd.DataFrame()
        return read_csv(file, remedy="Remove it: only the curves of the training are lost")

    @property
    def predictions_provenance(self) -> Provenance | None:
        """How the predictions were made; None where there are none."""
        return self._provenance("predictions")

    @cached_property
    def predictions(self) -> pd.DataFrame:
        """One row per usable galaxy: galaxy_id, row, split, label, prediction, confidence, p_CLASS.

        Raises
        ------
        SurveyError
            The present network has not been run over the survey, or there is none.
        """
        if self.latents:
            raise SurveyError(f"{self.name} are latents: there is no network that could have predicted anything")
        source = self.predictions_provenance
        names = list(self.class_names)
        if source is None or source.model != self.digest or source.parameters.get("class_names") != names:
            survey = self.path.parent.parent
            raise SurveyError(
                f"The model {self.name} has not been run over {survey.name}"
                + (", but another network of that name has" if source else ""),
                remedy=f"Run gz2interp analyse {survey} --model {self.name}",
            )
        return read_parquet(self.path / "predictions.parquet")

    def write_predictions(self, table: pd.DataFrame, provenance: Provenance) -> None:
        """Write the predictions and, last, their provenance."""
        self._write("predictions", table, provenance.to_json())
        vars(self).pop("predictions", None)  # of the cached property

    @property
    def uncertainty(self) -> pd.DataFrame | None:
        """galaxy_id, row and uncertainty; None where it was not measured for the present predictions."""
        if not self._is_of_predictions(_record(self.path / "uncertainty.json")):
            return None
        return read_parquet(self.path / "uncertainty.parquet")

    def write_uncertainty(self, table: pd.DataFrame, record: Mapping[str, Any]) -> None:
        """Write the uncertainties and, last, a record of how they were measured."""
        self._write("uncertainty", table, {"predictions": self._predictions_digest(), **record})

    @property
    def evaluation(self) -> Evaluation | None:
        """Evaluation of the present predictions; None where there is none."""
        file = self.path / "evaluation.json"
        record = _record(file)
        if not self._is_of_predictions(record):
            return None
        with errors_as(SurveyError, str(file), remedy=f"Run gz2interp evaluate {self.path.parent.parent} again"):
            return replace(Evaluation.from_json(record), model=self.name)  # the folder may have been renamed

    def write_evaluation(self, evaluation: Evaluation) -> None:
        """Write the evaluation, with the digest of the predictions."""
        write_json(self.path / "evaluation.json", evaluation.to_json() | {"predictions": self._predictions_digest()})

    def _predictions_digest(self) -> str:
        provenance = self.predictions_provenance
        return provenance.digest if provenance else ""

    def _is_of_predictions(self, record: Mapping[str, Any]) -> bool:
        """Whether a record is of the present predictions, and these are of the present network."""
        provenance = self.predictions_provenance
        return (
            provenance is not None
            and provenance.model == self.digest
            and record.get("predictions") == provenance.digest
        )

    def check(self, data_digest: str) -> Check | None:
        """Checks of the explanations; None where there are none of exactly these data and this network.

        Parameters
        ----------
        data_digest : str
            Of the survey.
        """
        file = self.path / "check" / "check.json"
        if not file.is_file():
            return None
        check = read_record(file, Check.from_json)
        parameters = check.provenance.get("parameters")
        names, version = (
            parameters.get(name) if isinstance(parameters, Mapping) else None for name in ("class_names", "version")
        )
        source = (check.provenance.get("data"), check.provenance.get("model"), names, version)
        if source != (data_digest, self.digest, list(self.class_names), VERSION):
            return None
        return replace(check, model=self.name)  # the folder may have been renamed

    def write_check(self, check: Check) -> None:
        """Write the results of the checks."""
        write_json(self.path / "check" / "check.json", check.to_json())

    @property
    def label_randomised_folder(self) -> Path:
        """Folder in which the same network is trained on shuffled labels; see `label_randomised`."""
        return self.path / "planted" / "labels"

    @property
    def label_randomised(self) -> Path | None:
        """The same network trained on shuffled labels; None unless it is of this network and its data."""
        folder = ModelFolder(self.label_randomised_folder)
        if not folder.model_file.is_file() or (folder.path / "checkpoint").exists():
            return None
        source = (folder.run.get("of_model"), folder.run.get("data_digest"))
        return folder.model_file if source == (self.digest, self.run.get("data_digest")) else None

    @property
    def label_errors_provenance(self) -> Provenance | None:
        """How the list of label errors was made; None where there is none."""
        return self._provenance("suspects")

    def label_errors(self, data_digest: str) -> pd.DataFrame | None:
        """All labelled galaxies, the most probable error first; None where there is no list of exactly these data.

        Parameters
        ----------
        data_digest : str
            Of the survey.
        """
        provenance = self.label_errors_provenance
        if provenance is None or provenance.data != data_digest:
            return None
        return read_parquet(self.path / "suspects.parquet")

    def write_label_errors(self, table: pd.DataFrame, provenance: Provenance) -> None:
        """Write the list of label errors and, last, its provenance."""
        self._write("suspects", table, provenance.to_json())

    def _provenance(self, name: str) -> Provenance | None:
        file = self.path / f"{name}.json"
        return read_record(file, Provenance.from_json) if file.is_file() else None

    def _write(self, name: str, table: pd.DataFrame, record: dict[str, Any]) -> None:
        write_parquet(self.path / f"{name}.parquet", table)
        write_json(self.path / f"{name}.json", record)


def _record(file: Path) -> dict[str, Any]:
    """The JSON object in a file; empty where there is no file."""
    return dict(read_record(file, _object)) if file.is_file() else {}


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError("it is no JSON object")
    return value


def check_model_name(name: str) -> str:
    """The name, if it can be that of a model's folder.

    Raises
    ------
    InputError
        It cannot: it is empty, hidden, or a path.
    """
    if not name or name.startswith(".") or Path(name).name != name:
        raise InputError(f"The model name {name!r} was given", "One that can be a folder's, such as cnn-1")
    return name
