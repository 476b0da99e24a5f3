"""From a table on disk to a catalogue in the schema's columns, with a report of all that was decided on the way."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from gz2interp.errors import InputError
from gz2interp.schema import DEC, GALAXY_ID, GZ2CLASS, LABEL, RA
from trainer.catalog.cleaning import blank_sentinels, drop_duplicates, drop_unidentified, drop_unplaced, near_pairs
from trainer.catalog.columns import Layout, layout_of
from trainer.catalog.identity import ids_of, position_ids
from trainer.catalog.join import Join, join
from trainer.catalog.labels import classes_of, labels_by
from trainer.catalog.report import CatalogReport, Count, JoinReport, LabelReport
from trainer.catalog.tables import read_table

__all__ = ["PAIR_DISTANCE", "TABLE_ROW", "read_catalog"]

TABLE_ROW = "table_row"
"""A galaxy's row in the file it came from, counted from 0: dropped rows shift the catalogue's own."""

PAIR_DISTANCE = 2.0
"""Galaxies closer than this [arcsec] are reported: about an SDSS fibre, and a seeing disc and a half."""


def read_catalog(
    path: str | Path, *, scheme: str | None = None, joins: Sequence[Join | str | Path] = ()
) -> tuple[pd.DataFrame, CatalogReport]:
    """Read a galaxy table into the schema's columns.

    Parameters
    ----------
    path : path
        GZ2's main table (zoo2MainSpecz), gz2_hart16, the Stripe 82 table, an export of a survey, or any table with
        positions: CSV, FITS, VOTable or Parquet, plain, gzip or bzip2.
    scheme : str, optional
        Which labels, one of `trainer.catalog.SCHEMES`; without it a column ``label`` of the file is kept as it is.
    joins : sequence of Join or path
        Other tables whose columns to add, in this order, before the labels are made. A bare path is joined by id.

    Returns
    -------
    catalog : DataFrame
        Index 0 to n - 1. ``galaxy_id`` int64; ``ra``, ``dec`` [deg] and other measures float64; ``gz2class``,
        ``label``, ``file`` pandas ``str``; GZ2's votes float32 under their own names; ``table_row`` int64, the
        galaxy's row in the file, counted from 0.
    report : CatalogReport
        Everything dropped, decided and counted.

    Raises
    ------
    InputError
        The file cannot be read, or a field is wrong: says line, column and what was expected.
    """
    path = Path(path)
    raw = read_table(path, lambda columns: layout_of(columns).types)
    layout = layout_of(raw.columns)
    table = raw.frame.rename(columns=layout.names).assign(**{TABLE_ROW: np.arange(len(raw.frame), dtype=np.int64)})
    blanked = blank_sentinels(table)
    table, unidentified = drop_unidentified(_with_ids(table, layout, path))
    table, unplaced = drop_unplaced(table)
    table, duplicates = drop_duplicates(table)
    if table.empty:
        raise InputError(
            f"No galaxy is left of the {len(raw.frame):,} rows of {path.name}", "rows with an id and a position"
        )
    catalog, join_reports = _joined(table.reset_index(drop=True), joins)
    classified, unknown = _classes(catalog)
    catalog, labels = _labelled(catalog, scheme)
    return _in_order(catalog), CatalogReport(
        path=path,
        format=raw.format,
        kind=layout.kind,
        rows=len(raw.frame),
        galaxies=len(catalog),
        notes=layout.notes,
        left_out=layout.left_out,
        unidentified=unidentified,
        unplaced=unplaced,
        duplicates=duplicates,
        pairs=near_pairs(catalog, PAIR_DISTANCE),
        blanked=blanked,
        classified=classified,
        unknown_classes=unknown,
        labels=labels,
        joins=join_reports,
    )


def _with_ids(table: pd.DataFrame, layout: Layout, path: Path) -> pd.DataFrame:
    if layout.id_column:
        return table.assign(**{GALAXY_ID: ids_of(table[GALAXY_ID], f"{path.name}, column {layout.id_column!r}")})
    placed = table[RA].notna() & table[DEC].between(-90.0, 90.0)
    ids = pd.Series(position_ids(table[RA].where(placed, 0.0), table[DEC].where(placed, 0.0)), index=table.index)
    return table.assign(**{GALAXY_ID: ids.astype("Int64")})


def _joined(catalog: pd.DataFrame, joins: Sequence[Join | str | Path]) -> tuple[pd.DataFrame, tuple[JoinReport, ...]]:
    reports = list[JoinReport]()
    for given in joins:
        wish = given if isinstance(given, Join) else Join(Path(given))
        catalog, report = join(catalog, wish.file, wish.on, wish.within, wish.columns)
        reports.append(report)
    return catalog, tuple(reports)


def _classes(catalog: pd.DataFrame) -> tuple[int, Count]:
    """How many galaxies have a gz2class that we understand, and those that have another."""
    if GZ2CLASS not in catalog:
        return 0, Count()
    known = classes_of(catalog[GZ2CLASS])
    unknown = [text for text, read in known.items() if read is None]
    strange = int(catalog[GZ2CLASS].isin(unknown).sum())
    return int(catalog[GZ2CLASS].notna().sum()) - strange, Count(strange, tuple(unknown))


def _labelled(catalog: pd.DataFrame, scheme: str | None) -> tuple[pd.DataFrame, LabelReport | None]:
    if scheme is None:
        return catalog, None
    labels = labels_by(scheme, catalog)
    catalog = catalog.assign(**{LABEL: labels.labels})
    if labels.targets is not None:
        catalog = pd.concat([catalog, labels.targets], axis=1)
    return catalog, labels.report(scheme)


def _in_order(catalog: pd.DataFrame) -> pd.DataFrame:
    """Who, where and what first; then everything else as it came."""
    first = [name for name in (GALAXY_ID, RA, DEC, GZ2CLASS, LABEL) if name in catalog]
    return catalog[[*first, *(name for name in catalog if name not in first)]]
