"""Predictions of a network for every galaxy of a survey, stored as ``predictions.parquet``."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gz2interp.results import Provenance, versions_of
from gz2interp.schema import GALAXY_ID, LABEL
from gz2interp.stores.files import locked
from gz2interp.stores.quality import PartialTable
from gz2interp.stores.tables import read_columns, read_parquet
from gz2interp.workflows.shards import Shard, StudyAt, Workers, over_shards, shards_of
from gz2interp.workflows.study import Progress, Study

__all__ = ["NO_SPLIT", "predict", "probabilities_of_shard"]

NO_SPLIT = "none"
"""The split of a galaxy that was not used in the training."""


def predict(
    study: Study,
    parts: pd.DataFrame | None = None,
    progress: Progress | None = None,
    cluster: Workers | None = None,
) -> pd.DataFrame:
    """Run the network over every galaxy with an image, unless stored predictions are up to date.

    An interrupted run is resumed, to the shard of 256 galaxies.

    Parameters
    ----------
    parts : DataFrame, optional
        Split and label of each galaxy: columns row, split, label. By default those of earlier predictions, else
        `NO_SPLIT` and the catalogue's label.
    cluster : Workers, optional
        Workers that run the network; by default this process.

    Returns
    -------
    DataFrame
        galaxy_id, row, split, label, prediction, confidence, and p_CLASS for each class.
    """
    provenance = _provenance(study)
    stored = study.model.predictions_provenance
    if parts is None and stored is not None and stored.digest == provenance.digest:
        return study.model.predictions
    rows = np.flatnonzero(study.survey.usable)
    partial = PartialTable(study.model.path, provenance.digest, len(rows))
    running = f"running the model {study.model.name} over {study.survey.name}"
    with locked(study.model.path / ".predictions.lock", running):
        _compute_probabilities(partial, study, rows, progress, cluster)
        table = _table(study, rows, partial, _parts(study) if parts is None else parts)
        study.model.write_predictions(table, provenance)
        partial.remove()
    return table


def _provenance(study: Study) -> Provenance:
    return Provenance(
        data=study.survey.digest,
        model=study.model.digest,
        layer="",
        method="predictions",
        parameters={"class_names": list(study.model.class_names)},
        versions=versions_of("gz2interp", "tensorflow", "keras"),
    )


def _parts(study: Study) -> pd.DataFrame:
    """Splits and labels of earlier predictions; of later galaxies, the catalogue's label."""
    catalog = read_columns(study.survey.location.file("catalog.parquet"), (GALAXY_ID, LABEL))
    labels = catalog[LABEL] if LABEL in catalog else pd.Series(pd.NA, index=catalog.index, dtype="str")
    parts = pd.DataFrame({"row": catalog.index, "split": NO_SPLIT, "label": labels})
    stored = study.model.predictions_provenance
    if stored is None or stored.model != study.model.digest:
        return parts
    earlier = read_parquet(study.model.path / "predictions.parquet", ["row", "split", "label"])
    parts.loc[earlier["row"], ["split", "label"]] = earlier[["split", "label"]].to_numpy()
    return parts


def _compute_probabilities(
    partial: PartialTable, study: Study, rows: NDArray[np.int64], progress: Progress | None, cluster: Workers | None
) -> None:
    left = [shard for shard in shards_of(rows) if not partial.has(shard.number)]
    done = len(rows) - sum(len(shard.rows) for shard in left)
    for shard, values in over_shards(probabilities_of_shard, study, left, cluster, StudyAt.of(study)):
        partial.write(shard.number, values)
        done += len(shard.rows)
        if progress:
            progress("predict", done, len(rows))


def probabilities_of_shard(study: Study, shard: Shard) -> NDArray[np.float32]:
    """Class probabilities of the galaxies of a shard, float32 (n, class)."""
    return study.probe.probabilities(study.survey.images(shard.rows))


def _table(study: Study, rows: NDArray[np.int64], partial: PartialTable, parts: pd.DataFrame) -> pd.DataFrame:
    classes = study.probe.class_names
    probabilities = partial.all() if len(rows) else np.empty((0, len(classes)), np.float32)
    galaxies = parts.set_index("row").reindex(rows)
    return pd.DataFrame(
        {
            GALAXY_ID: study.survey.galaxy_ids[rows],
            "row": rows,
            "split": galaxies["split"].fillna(NO_SPLIT).to_numpy(),
            "label": galaxies["label"].astype("str").array,
            "prediction": np.array(classes)[probabilities.argmax(axis=1)],
            "confidence": probabilities.max(axis=1),
        }
        | {f"p_{name}": probabilities[:, i] for i, name in enumerate(classes)}
    )
