"""From a table on disk to a catalogue in the schema's columns, with a report of all that was decided on the way."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from gz2interp.errors import InputError
from gz2interp.schema import DEC, GALAXY_ID, GZ2CLASS, LABEL, RA
from gz2interp.stores.tables import UNITS
from trainer.catalog.columns import TableLayout, layout_of
from trainer.catalog.identity import (
    Identity,
    are_names,
    blank_sentinels,
    drop_duplicates,
    drop_unidentified,
    drop_unplaced,
    ids_of,
    ids_of_positions,
    name_id,
    near_pairs,
    tell_apart,
)
from trainer.catalog.join import JoinSettings, join
from trainer.catalog.labels import classes_of, labels_by
from trainer.catalog.other_votes import conditional_fractions
from trainer.catalog.positions import sky_positions, with_equinoxes
from trainer.catalog.report import CatalogReport, JoinReport, LabelReport, ReportCount
from trainer.catalog.tables import RawTable, read_table

__all__ = ["PAIR_DISTANCE", "TABLE_ROW", "read_catalog"]

TABLE_ROW = "table_row"
"""A galaxy's row in the file it came from, counted from 0: dropped rows shift the catalogue's own."""

PAIR_DISTANCE = 2.0
"""Galaxies closer than this [arcsec] are reported: about an SDSS fibre, and a seeing disc and a half."""


def read_catalog(
    path: str | Path, *, scheme: str | None = None, joins: Sequence[JoinSettings | str | Path] = ()
) -> tuple[pd.DataFrame, CatalogReport]:
    """Read a galaxy table into the schema's columns.

    Parameters
    ----------
    path : path
        GZ2's main table (zoo2MainSpecz), gz2_hart16, the Stripe 82 table, an export of a survey, a table of
        galaxy-datasets or of Kaggle's Galaxy Challenge, or any table with positions: CSV and other text, ECSV, FITS,
        VOTable or Parquet, plain, gzip or bzip2.
    scheme : str, optional
        Which labels, one of `trainer.catalog.SCHEMES`; without it a column ``label`` of the file is kept as it is.
    joins : sequence of JoinSettings or path
        Other tables whose columns to add, in this order, before the labels are made. A bare path is joined by id.

    Returns
    -------
    catalog : DataFrame
        Index 0 to n - 1. ``galaxy_id`` int64; ``ra``, ``dec`` ICRS [deg], NaN in a table without positions, and other
        measures float64; ``gz2class``, ``label``, ``file`` pandas ``str``; GZ2's votes float32 under their own names;
        ``table_row`` int64, the galaxy's row in the file, counted from 0; all other columns of the file as they are,
        whose units are in ``attrs["units"]``.
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
    table, notes = _in_schema(raw, layout)
    blanked = blank_sentinels(table)
    table = _with_ids(table, layout, path)
    identity = tell_apart(table) if layout.id_column else Identity(table)
    table, unidentified = drop_unidentified(identity.table)
    table, unplaced = drop_unplaced(table) if layout.positions else (table, ReportCount())
    table, duplicates = drop_duplicates(table)
    if table.empty:
        raise InputError(
            f"No galaxy is left of the {len(raw.frame):,} rows of {path.name}",
            "rows with an id and a position",
            _why_none(unidentified, unplaced),
        )
    table.attrs[UNITS] = {
        layout.names[name]: unit for name, unit in raw.units.items() if unit and name in layout.user_columns
    }
    catalog, join_reports = _joined(table.reset_index(drop=True), joins)
    classified, unknown = _classes(catalog)
    units = catalog.attrs[UNITS]
    catalog, labels = _labelled(catalog, scheme)
    catalog.attrs[UNITS] = units
    return _in_order(catalog), CatalogReport(
        path=path,
        format=raw.format,
        kind=layout.kind,
        rows=len(raw.frame),
        galaxies=len(catalog),
        notes=(*raw.notes, *layout.notes, *notes, *identity.notes),
        left_out=layout.left_out,
        user_columns=layout.user_columns,
        unidentified=unidentified,
        unplaced=unplaced,
        duplicates=duplicates,
        renamed=identity.renamed,
        pairs=near_pairs(catalog, PAIR_DISTANCE),
        blanked=blanked,
        classified=classified,
        unknown_classes=unknown,
        labels=labels,
        joins=join_reports,
    )


def _in_schema(raw: RawTable, layout: TableLayout) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """The table with our names, positions in ICRS degrees, and votes as conditional fractions."""
    table, notes = raw.frame, list[str]()
    rows = np.arange(len(table), dtype=np.int64)
    if layout.positions is None:
        placed = {RA: np.full(len(table), np.nan), DEC: np.full(len(table), np.nan)}
    else:
        units, frames = raw.units, with_equinoxes(raw.frame, raw.frames, layout.positions)
        sky = sky_positions(table, layout.positions, units, frames)
        placed, notes = {RA: sky.ra, DEC: sky.dec}, [*sky.notes]
        table = table.drop(columns=[layout.positions.lon, layout.positions.lat])
    table = table.rename(columns=layout.names).assign(**placed, **{TABLE_ROW: rows})
    if layout.votes.multiplied:
        table, contradictions = conditional_fractions(table)
        if contradictions:
            notes.append(
                f"in {contradictions:,} rows the fractions of a question do not sum to the one that leads to it"
            )
    return table, tuple(notes)


def _why_none(unidentified: ReportCount, unplaced: ReportCount) -> str:
    lines = [
        count.line(words)
        for count, words in ((unidentified, "have no id"), (unplaced, "have no position on the sphere"))
    ]
    return "; ".join(line for line, count in zip(lines, (unidentified, unplaced), strict=True) if count.number)


def _with_ids(table: pd.DataFrame, layout: TableLayout, path: Path) -> pd.DataFrame:
    if not layout.id_column:
        return table.assign(**{GALAXY_ID: ids_of_positions(table[RA], table[DEC])})
    given, where = table[GALAXY_ID], f"{path.name}, column {layout.id_column!r}"
    if not are_names(given):
        return table.assign(**{GALAXY_ID: ids_of(given, where)})
    ids = given.map(name_id, na_action="ignore").astype("Int64")
    # What a made id means must stay readable.
    return table.assign(**{GALAXY_ID: ids, _own_name(layout, table): given})


def _own_name(layout: TableLayout, table: pd.DataFrame) -> str:
    name = layout.id_column
    return name if name not in table and name != GALAXY_ID else f"original_{name}"


def _joined(
    catalog: pd.DataFrame, joins: Sequence[JoinSettings | str | Path]
) -> tuple[pd.DataFrame, tuple[JoinReport, ...]]:
    reports = list[JoinReport]()
    for given in joins:
        wish = given if isinstance(given, JoinSettings) else JoinSettings(Path(given))
        catalog, report = join(catalog, wish.file, wish.on, wish.within, wish.columns)
        reports.append(report)
    return catalog, tuple(reports)


def _classes(catalog: pd.DataFrame) -> tuple[int, ReportCount]:
    """How many galaxies have a gz2class that we understand, and those that have another."""
    if GZ2CLASS not in catalog:
        return 0, ReportCount()
    known = classes_of(catalog[GZ2CLASS])
    unknown = [text for text, read in known.items() if read is None]
    strange = int(catalog[GZ2CLASS].isin(unknown).sum())
    return int(catalog[GZ2CLASS].notna().sum()) - strange, ReportCount(strange, tuple(unknown))


def _labelled(catalog: pd.DataFrame, scheme: str | None) -> tuple[pd.DataFrame, LabelReport | None]:
    if scheme is None:
        return catalog, None
    labels = labels_by(scheme, catalog)
    catalog = catalog.assign(**{LABEL: labels.labels})
    if labels.targets is not None:
        catalog = catalog.drop(columns=[name for name in labels.targets if name in catalog])  # of another scheme
        catalog = pd.concat([catalog, labels.targets], axis=1)
    return catalog, labels.report(scheme)


def _in_order(catalog: pd.DataFrame) -> pd.DataFrame:
    """Who, where and what first; then everything else as it came."""
    first = [name for name in (GALAXY_ID, RA, DEC, GZ2CLASS, LABEL) if name in catalog]
    return catalog[[*first, *(name for name in catalog if name not in first)]]
