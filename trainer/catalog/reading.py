"""Reading of a table into a catalogue in the columns of the schema, with a report of all decisions."""

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
    resolve_shared_ids,
)
from trainer.catalog.join import JoinSettings, join
from trainer.catalog.labels import classes_of, labels_by
from trainer.catalog.other_votes import conditional_fractions
from trainer.catalog.positions import sky_positions, with_equinoxes
from trainer.catalog.report import CatalogReport, JoinReport, LabelReport, ReportCount
from trainer.catalog.tables import RawTable, read_table

__all__ = ["PAIR_DISTANCE", "TABLE_ROW", "read_catalog"]

TABLE_ROW = "table_row"
"""Column with the row of a galaxy in the original file, from 0, before rows were dropped."""

PAIR_DISTANCE = 2.0
"""Galaxies closer than this [arcsec] are reported: about an SDSS fibre, or 1.5 times the seeing."""


def read_catalog(
    path: str | Path, *, scheme: str | None = None, joins: Sequence[JoinSettings | str | Path] = ()
) -> tuple[pd.DataFrame, CatalogReport]:
    """Read a galaxy table into the columns of the schema.

    Parameters
    ----------
    path : path
        GZ2's main table (zoo2MainSpecz), gz2_hart16, the Stripe 82 table, an export of a survey, a table of
        galaxy-datasets or of Kaggle's Galaxy Challenge, or any table with positions: CSV and other text, ECSV, FITS,
        VOTable or Parquet, plain, gzip or bzip2.
    scheme : str, optional
        Label scheme, one of `trainer.catalog.SCHEMES`; by default a column ``label`` of the file is kept.
    joins : sequence of JoinSettings or path
        Other tables to join, in this order, before labelling. A path is joined by id.

    Returns
    -------
    catalog : DataFrame
        Index 0 to n - 1. ``galaxy_id`` int64; ``ra``, ``dec`` ICRS [deg], NaN in a table without positions, and other
        measures float64; ``gz2class``, ``label``, ``file`` pandas ``str``; GZ2's votes float32 under their own names;
        ``table_row`` int64, the row of the galaxy in the file, from 0; all other columns of the file unchanged, with
        their units in ``attrs["units"]``.
    report : CatalogReport
        Counts of dropped rows, decisions and labels.

    Raises
    ------
    InputError
        The file cannot be read, or a field is invalid; the message has its line and column.
    """
    path = Path(path)
    raw = read_table(path, lambda columns: layout_of(columns).types)
    layout = layout_of(raw.columns)
    table, notes = _to_schema(raw, layout)
    blanked = blank_sentinels(table)
    table = _with_ids(table, layout, path)
    identity = resolve_shared_ids(table) if layout.id_column else Identity(table)
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
    catalog, join_reports = _join_all(table.reset_index(drop=True), joins)
    classified, unknown = _classes(catalog)
    units = catalog.attrs[UNITS]
    catalog, labels = _add_labels(catalog, scheme)
    catalog.attrs[UNITS] = units
    return _reorder(catalog), CatalogReport(
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


def _to_schema(raw: RawTable, layout: TableLayout) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Rename columns, convert positions to ICRS degrees and votes to conditional fractions."""
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
    original, where = table[GALAXY_ID], f"{path.name}, column {layout.id_column!r}"
    if not are_names(original):
        return table.assign(**{GALAXY_ID: ids_of(original, where)})
    ids = original.map(name_id, na_action="ignore").astype("Int64")
    # The names stay in a column beside the ids derived from them.
    name = layout.id_column
    kept_as = name if name not in table and name != GALAXY_ID else f"original_{name}"
    return table.assign(**{GALAXY_ID: ids, kept_as: original})


def _join_all(
    catalog: pd.DataFrame, joins: Sequence[JoinSettings | str | Path]
) -> tuple[pd.DataFrame, tuple[JoinReport, ...]]:
    reports = list[JoinReport]()
    for item in joins:
        settings = item if isinstance(item, JoinSettings) else JoinSettings(Path(item))
        catalog, report = join(catalog, settings.file, settings.on, settings.within, settings.columns)
        reports.append(report)
    return catalog, tuple(reports)


def _classes(catalog: pd.DataFrame) -> tuple[int, ReportCount]:
    """Number of galaxies with a valid gz2class, and those with an invalid one."""
    if GZ2CLASS not in catalog:
        return 0, ReportCount()
    unknown = [text for text, parsed in classes_of(catalog[GZ2CLASS]).items() if parsed is None]
    invalid = int(catalog[GZ2CLASS].isin(unknown).sum())
    return int(catalog[GZ2CLASS].notna().sum()) - invalid, ReportCount(invalid, tuple(unknown))


def _add_labels(catalog: pd.DataFrame, scheme: str | None) -> tuple[pd.DataFrame, LabelReport | None]:
    if scheme is None:
        return catalog, None
    labels = labels_by(scheme, catalog)
    catalog = catalog.assign(**{LABEL: labels.labels})
    if labels.targets is not None:
        catalog = catalog.drop(columns=[name for name in labels.targets if name in catalog])  # of another scheme
        catalog = pd.concat([catalog, labels.targets], axis=1)
    return catalog, labels.report(scheme)


def _reorder(catalog: pd.DataFrame) -> pd.DataFrame:
    """Put id, position, class and label first."""
    first = [name for name in (GALAXY_ID, RA, DEC, GZ2CLASS, LABEL) if name in catalog]
    return catalog[[*first, *(name for name in catalog if name not in first)]]
