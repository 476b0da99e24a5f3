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
from gz2interp.stores.reading import failing_as
from gz2interp.stores.tables import read_csv, read_parquet, write_parquet

__all__ = ["ModelFolder", "checked_model_name"]


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
        """One's own latents, where these stand in for a network; None where there is a network."""
        latents = Latents(self.path)
        return latents if latents.exist and not self.model_file.exists() else None

    @cached_property
    def digest(self) -> str:
        """Of the model file, or of the latents, sixteen hexadecimal digits."""
        latents = self.latents
        return latents.record_digest if latents else digest_of_file(self.model_file)

    @cached_property
    def run(self) -> dict[str, Any]:
        """How it was trained; empty for a network that came from elsewhere without a ``run.json``."""
        file = self.path / "run.json"
        return _record(file)

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes in the order of the outputs; empty where nobody said them."""
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
        file = self.path / "predictions.json"
        return read_record(file, Provenance.from_json) if file.is_file() else None

    @cached_property
    def predictions(self) -> pd.DataFrame:
        """One row per usable galaxy: galaxy_id, row, split, label, prediction, confidence, p_CLASS.

        Raises
        ------
        SurveyError
            The network, as its file is now, has not been run over the survey, or there is none.
        """
        if self.latents:
            raise SurveyError(f"{self.name} are latents: there is no network that could have predicted anything")
        made = self.predictions_provenance
        if made is None or made.model != self.digest or made.parameters.get("class_names") != list(self.class_names):
            survey = self.path.parent.parent
            raise SurveyError(
                f"The model {self.name} has not been run over {survey.name}"
                + (", but another network of that name has" if made else ""),
                remedy=f"Run gz2interp analyse {survey} --model {self.name}",
            )
        return read_parquet(self.path / "predictions.parquet")

    def write_predictions(self, table: pd.DataFrame, provenance: Provenance) -> None:
        """Keep the predictions and, behind them, how they were made."""
        write_parquet(self.path / "predictions.parquet", table)
        write_json(self.path / "predictions.json", provenance.to_json())
        vars(self).pop("predictions", None)  # what was read before is no longer what there is

    @property
    def uncertainty(self) -> pd.DataFrame | None:
        """galaxy_id, row, and how unsure the network is; None where that was not measured for these predictions."""
        file, made = self.path / "uncertainty.json", self.predictions_provenance
        record = _record(file)
        if made is None or made.model != self.digest or record.get("predictions") != made.digest:
            return None
        return read_parquet(self.path / "uncertainty.parquet")

    def write_uncertainty(self, table: pd.DataFrame, record: Mapping[str, Any]) -> None:
        """Keep how unsure the network is of each galaxy and, behind it, how that was found."""
        made = self.predictions_provenance
        write_parquet(self.path / "uncertainty.parquet", table)
        write_json(self.path / "uncertainty.json", {"predictions": made.digest if made else "", **record})

    @property
    def evaluation(self) -> Evaluation | None:
        """How good the predictions are; None where that has not been asked, or only of other predictions."""
        file, made = self.path / "evaluation.json", self.predictions_provenance
        record = _record(file)
        if made is None or made.model != self.digest or record.get("predictions") != made.digest:
            return None
        with failing_as(SurveyError, str(file), remedy=f"Run gz2interp evaluate {self.path.parent.parent} again"):
            return replace(Evaluation.from_json(record), model=self.name)  # it may have had another name

    def write_evaluation(self, evaluation: Evaluation) -> None:
        """Keep how good the predictions are, with the digest of what made them."""
        made = self.predictions_provenance
        record = evaluation.to_json() | {"predictions": made.digest if made else ""}
        write_json(self.path / "evaluation.json", record)

    def check(self, data_digest: str) -> Check | None:
        """How far explanations can be trusted; None where that was not asked of exactly these data and this network.

        Parameters
        ----------
        data_digest : str
            Of the survey.
        """
        file = self.path / "check" / "check.json"
        if not file.is_file():
            return None
        found = read_record(file, Check.from_json)
        made = found.provenance
        parameters = made.get("parameters")
        names, version = (
            parameters.get(name) if isinstance(parameters, Mapping) else None for name in ("class_names", "version")
        )
        asked = (made.get("data"), made.get("model"), names, version)
        if asked != (data_digest, self.digest, list(self.class_names), VERSION):
            return None
        return replace(found, model=self.name)  # it may have had another name

    def write_check(self, check: Check) -> None:
        """Keep what was found."""
        write_json(self.path / "check" / "check.json", check.to_json())

    @property
    def label_randomised_folder(self) -> Path:
        """Where the same network is trained on shuffled labels; see `label_randomised`."""
        return self.path / "planted" / "labels"

    @property
    def label_randomised(self) -> Path | None:
        """The file of the same network trained on shuffled labels; None unless it belongs to this file and its data."""
        folder = ModelFolder(self.label_randomised_folder)
        if not folder.model_file.is_file() or (folder.path / "checkpoint").exists():
            return None
        made = (folder.run.get("of_model"), folder.run.get("data_digest"))
        return folder.model_file if made == (self.digest, self.run.get("data_digest")) else None

    @property
    def suspects_provenance(self) -> Provenance | None:
        """How the list of suspect labels was made; None where there is none."""
        file = self.path / "suspects.json"
        return read_record(file, Provenance.from_json) if file.is_file() else None

    def suspects(self, data_digest: str) -> pd.DataFrame | None:
        """All labelled galaxies, the most suspect label first; None where there is no list of exactly these data.

        Parameters
        ----------
        data_digest : str
            Of the survey.
        """
        made = self.suspects_provenance
        if made is None or made.data != data_digest:
            return None
        return read_parquet(self.path / "suspects.parquet")

    def write_suspects(self, table: pd.DataFrame, provenance: Provenance) -> None:
        """Keep a list of suspect labels and, behind it, how it was made."""
        write_parquet(self.path / "suspects.parquet", table)
        write_json(self.path / "suspects.json", provenance.to_json())


def _record(file: Path) -> dict[str, Any]:
    """The JSON object in a file; empty where there is no file."""
    return dict(read_record(file, _object)) if file.is_file() else {}


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError("it is no JSON object")
    return value


def checked_model_name(name: str) -> str:
    """The name itself, if it can be that of a model's folder.

    Raises
    ------
    InputError
        It cannot: it is empty, hidden, or a path.
    """
    if not name or name.startswith(".") or Path(name).name != name:
        raise InputError(f"The model name {name!r} was given", "One that can be a folder's, such as cnn-1")
    return name
