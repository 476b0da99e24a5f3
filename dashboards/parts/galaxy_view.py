"""The galaxy on the screen, with its picture, prediction and votes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import pandas as pd

from dashboards.loading.surveys import labels_of, predictions_of
from gz2interp.stores.models import ModelFolder
from gz2interp.stores.survey import Survey

__all__ = ["GalaxyView"]


@dataclass(frozen=True, eq=False)
class GalaxyView:
    """A galaxy of a survey, with the prediction of a model, if there is one."""

    survey: Survey
    model: ModelFolder | None
    row: int

    @property
    def facts(self) -> pd.Series[Any]:
        """Its row of the catalogue, each value of its own type: as a float an id would lose its last digits."""
        return self.survey.catalog.iloc[[self.row]].astype(object).iloc[0]

    @property
    def prediction(self) -> pd.Series[Any] | None:
        """Its row of the predictions; None where the network has not been run."""
        table = predictions_of(self.survey, self.model) if self.model else None
        if table is None or self.row not in table.index:
            return None
        return cast("pd.Series[Any]", table.loc[self.row])

    @property
    def probabilities(self) -> dict[str, float]:
        """Of each class, in the network's order."""
        if self.prediction is None:
            return {}
        return {str(name)[2:]: float(p) for name, p in self.prediction.items() if str(name).startswith("p_")}

    @property
    def label(self) -> str:
        """The catalogue's, or that of the training; "" where it has none."""
        label = labels_of(self.survey, self.model).iloc[self.row]
        return str(label) if isinstance(label, str) and label else ""
