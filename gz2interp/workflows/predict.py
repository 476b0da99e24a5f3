"""What the network says of every galaxy of a survey, kept as ``predictions.parquet``."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gz2interp.results import Provenance, versions_of
from gz2interp.schema import GALAXY_ID, LABEL
from gz2interp.workflows.opening import Progress, Subject

__all__ = ["NO_SPLIT", "predict"]

NO_SPLIT = "none"
"""The split of a galaxy that took no part in the training."""


def predict(subject: Subject, parts: pd.DataFrame | None = None, progress: Progress | None = None) -> pd.DataFrame:
    """Run the network over every galaxy that has an image, unless that has been done.

    Parameters
    ----------
    subject : Subject
    parts : DataFrame, optional
        The part each galaxy played in the training: columns row, split, label. By default what earlier predictions say,
        else `NO_SPLIT` and the catalogue's label.
    progress : callable, optional

    Returns
    -------
    DataFrame
        galaxy_id, row, split, label, prediction, confidence, and p_CLASS for each class.
    """
    provenance = _provenance(subject)
    made = subject.model.predictions_provenance
    if parts is None and made is not None and made.digest == provenance.digest:
        return subject.model.predictions
    table = _table(subject, _parts(subject) if parts is None else parts, progress)
    subject.model.write_predictions(table, provenance)
    return table


def _provenance(subject: Subject) -> Provenance:
    return Provenance(
        data=subject.survey.digest,
        model=subject.model.digest,
        layer="",
        method="predictions",
        parameters={"class_names": list(subject.model.class_names)},
        versions=versions_of("gz2interp", "tensorflow", "keras"),
    )


def _parts(subject: Subject) -> pd.DataFrame:
    """What earlier predictions say; of galaxies that have come since, the catalogue's label."""
    catalog = subject.survey.catalog
    labels = catalog[LABEL] if LABEL in catalog else pd.Series(pd.NA, index=catalog.index, dtype="str")
    parts = pd.DataFrame({"row": catalog.index, "split": NO_SPLIT, "label": labels})
    made = subject.model.predictions_provenance
    if made is None or made.model != subject.model.digest:
        return parts
    known = pd.read_parquet(subject.model.path / "predictions.parquet", columns=["row", "split", "label"])
    parts.loc[known["row"], ["split", "label"]] = known[["split", "label"]].to_numpy()
    return parts


def _table(subject: Subject, parts: pd.DataFrame, progress: Progress | None) -> pd.DataFrame:
    rows = np.flatnonzero(subject.survey.usable)
    classes = subject.probe.class_names
    said = np.concatenate([np.empty((0, len(classes)), np.float32), *_probabilities(subject, rows, progress)])
    known = parts.set_index("row").reindex(rows)
    return pd.DataFrame(
        {
            GALAXY_ID: subject.survey.galaxy_ids[rows],
            "row": rows,
            "split": known["split"].fillna(NO_SPLIT).to_numpy(),
            "label": known["label"].astype("str").array,
            "prediction": np.array(classes)[said.argmax(axis=1)],
            "confidence": said.max(axis=1),
        }
        | {f"p_{name}": said[:, i] for i, name in enumerate(classes)}
    )


def _probabilities(
    subject: Subject, rows: NDArray[np.int64], progress: Progress | None
) -> Iterator[NDArray[np.float32]]:
    done = 0
    for batch in subject.survey.batches(rows=rows):
        yield subject.probe.probabilities(batch.images)
        done += len(batch.rows)
        if progress:
            progress("predict", done, len(rows))
