"""Tables about channels: what they do, whom they resemble, and what they go with in the survey."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gz2interp.concepts.channel_diagnostics import TAIL, artefact_channels, flagged, silent_channels, twins
from gz2interp.concepts.channel_statistics import Extremes
from gz2interp.concepts.correlates import correlates
from gz2interp.schema import LABEL, PETRO_RADIUS
from gz2interp.stores.analyses import Analysis
from gz2interp.stores.survey import Survey
from gz2interp.stores.tables import read_columns
from gz2interp.workflows.blocks.gathering import Gathered
from gz2interp.workflows.blocks.settings import BlockSettings
from gz2interp.workflows.clusters.columns import catalogue_columns, network_columns, quality_columns_of

__all__ = ["artefact_tables", "channel_table", "correlates_table"]

Doubles = NDArray[np.float64]

ARTEFACTS: Final = ("sky_", "psf_", "background_", "gradient_", "smoothing", "invalid", "zero", "edge", "flat")
"""Beginnings of columns of image quality that speak of sky, telescope and cutting out: the more, the worse."""


FEWEST: Final = 4
"""Loudest galaxies of a channel that are looked at, however few there are in all."""


def channel_table(gathered: Gathered, artefacts: pd.DataFrame) -> pd.DataFrame:
    """A row per channel.

    Returns
    -------
    DataFrame
        ``channel``; ``mean``, ``scatter``, ``lowest``, ``highest`` over all places; ``active``, the share of places
        above 0; ``loud``, what it reaches in the quietest of the galaxies kept as loudest; ``silent``; ``twin`` (the
        channel most like it, -1 for none) with ``twin_r``; ``artefact`` (a column of image quality, "" for none) with
        ``artefact_share`` and ``artefact_expected`` of its top galaxies.
    """
    tally = gathered.tally
    n = len(tally.mean)
    table = pd.DataFrame(
        {
            "channel": np.arange(n),
            "mean": tally.mean,
            "scatter": tally.scatter,
            "lowest": tally.lowest,
            "highest": tally.highest,
            "active": tally.active,
            "loud": gathered.by_max.top.values[:, -1].astype(np.float64),
            "silent": np.isin(np.arange(n), silent_channels(tally)),
        }
    )
    twin, r = np.full(n, -1, np.int64), np.full(n, np.nan)
    for first, second, value in reversed(twins(tally.correlation)):  # the closest last, so that it stays
        twin[[first, second]], r[[first, second]] = [second, first], value
    return table.assign(twin=twin, twin_r=r).merge(artefacts, on="channel", how="left").fillna({"artefact": ""})


def artefact_tables(
    survey: Survey, top: Extremes, rows: NDArray[np.int64], measured: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The channels that see artefacts, and every test.

    Parameters
    ----------
    survey : Survey
    top : Extremes
    rows : int64 (n,)
        The galaxies that were looked at.
    measured : DataFrame
        Image quality.
    """
    known = measured.set_index("row").reindex(rows)
    columns = {
        str(name): known[name].to_numpy(np.float64)
        for name in known.columns
        if str(name).startswith(ARTEFACTS) and name != "psf_from"
    }
    catalog = read_columns(survey.place.file("catalog.parquet"), (PETRO_RADIUS,))
    size = catalog[PETRO_RADIUS].iloc[rows] if PETRO_RADIUS in catalog else known["extent"]
    sizes = np.stack([known["light"].to_numpy(np.float64), size.to_numpy(np.float64)], axis=1)
    most = max(int(len(rows) * (1 - TAIL) / 2), FEWEST)  # of few galaxies few are flagged
    positions = np.searchsorted(rows, top.rows[:, :most])
    found, tests = artefact_channels(positions, flagged(columns), sizes)
    first: dict[int, tuple[str, float, float]] = {}
    for each in found:
        first.setdefault(each.channel, (each.column, each.share, each.expected))
    named = pd.DataFrame(
        {
            "channel": np.array(list(first), np.int64),
            "artefact": pd.Series([each[0] for each in first.values()], dtype="str"),
            "artefact_share": np.array([each[1] for each in first.values()], np.float64),
            "artefact_expected": np.array([each[2] for each in first.values()], np.float64),
        }
    )
    return named, tests


def correlates_table(
    survey: Survey,
    analysis: Analysis,
    predictions: pd.DataFrame | None,
    measured: pd.DataFrame,
    settings: BlockSettings,
) -> pd.DataFrame:
    """Every channel, as the analysis has pooled it, against every column that is known of a sample of galaxies."""
    n = len(analysis.rows)
    rng = np.random.default_rng(settings.seed)
    at = np.sort(rng.choice(n, min(n, settings.galaxies), replace=False))
    rows = analysis.rows[at]
    return correlates(analysis.activations(at), _columns(survey, rows, predictions, measured))


def _columns(
    survey: Survey, rows: NDArray[np.int64], predictions: pd.DataFrame | None, measured: pd.DataFrame
) -> Iterator[tuple[str, Doubles]]:
    file = survey.place.file("catalog.parquet")
    catalog = read_columns(file, (LABEL,))
    labels = catalog[LABEL].iloc[rows].reset_index(drop=True) if LABEL in catalog else None
    for column in catalogue_columns(file, rows, survey.bands):
        yield column.name, column.values
    for column in network_columns(predictions, labels, rows):
        yield column.name, column.values
    for column in quality_columns_of(measured, rows):
        yield column.name, column.values
