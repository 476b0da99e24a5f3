"""Join of a catalogue with another table by id or by position."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from gz2interp.errors import InputError, choices
from gz2interp.schema import DEC, GALAXY_ID, RA
from gz2interp.stores.tables import UNITS
from trainer.catalog.columns import ID_COLUMNS, names_in
from trainer.catalog.delimited import ColumnType, inferred
from trainer.catalog.identity import are_names, blank_sentinels, chord, ids_of, name_id, unit_vectors
from trainer.catalog.positions import position_columns, sky_positions, with_equinoxes
from trainer.catalog.report import JoinReport
from trainer.catalog.tables import read_table

__all__ = ["JoinSettings", "join"]


On = Literal["id", "position"]


@dataclass(frozen=True)
class JoinSettings:
    """Arguments of `join`."""

    file: Path
    on: On = "id"
    within: float = 2.0
    columns: tuple[str, ...] | None = None


def join(
    catalog: pd.DataFrame,
    file: str | Path,
    on: On = "id",
    within: float = 2.0,
    columns: Sequence[str] | None = None,
) -> tuple[pd.DataFrame, JoinReport]:
    """Add columns of another table to a catalogue (left join, one match per galaxy).

    Parameters
    ----------
    catalog : DataFrame
        With galaxy_id, ra, dec [deg].
    file : path
        The other table.
    on : str
        ``"id"`` or ``"position"``.
    within : float
        Matching radius by position [arcsec].
    columns : sequence of str, optional
        Names in the other table or in the schema; by default all that the catalogue does not have.

    Returns
    -------
    DataFrame, JoinReport
        Missing (NaN) for galaxies without a match. Columns of the schema (redshift, axis_ratio, ebv, ...) get its
        names, others keep theirs in lower case. Columns of the catalogue are never overwritten.

    Raises
    ------
    InputError
        A requested column is absent or already in the catalogue; no galaxy matches.
    """
    name = Path(file).name
    other, names, units = _read(Path(file), columns)
    selection = _select_columns(catalog, name, names, columns)
    match, ambiguous = _by_id(catalog, other, name) if on == "id" else _by_position(catalog, other, within)
    matched = match >= 0
    if not matched.any():
        raise InputError(
            f"No galaxy of the catalogue is in {name} by {on}",
            "the same galaxies",
            "Join by position." if on == "id" else "Are both positions J2000 in degrees? Try a wider --within.",
        )
    added = {ours: inferred(other[theirs]).reindex(match).set_axis(catalog.index) for theirs, ours in selection.items()}
    new = pd.DataFrame(added, index=catalog.index)
    blank_sentinels(new)
    unchanged = tuple(sorted(ours for ours in names.values() if ours in catalog and ours not in (GALAXY_ID, RA, DEC)))
    report = JoinReport(name, on, int(matched.sum()), len(catalog), ambiguous, tuple(selection.values()), unchanged)
    joined = pd.concat([catalog, new], axis=1)
    added_units = {ours: units[theirs] for theirs, ours in selection.items() if theirs in units}
    joined.attrs[UNITS] = {**catalog.attrs.get(UNITS, {}), **added_units}
    return joined, report


def _read(file: Path, columns: Sequence[str] | None) -> tuple[pd.DataFrame, dict[str, str], dict[str, str]]:
    """The columns of the other table that may be needed, mostly as text, with their schema names and units."""

    def choose(theirs: tuple[str, ...]) -> dict[str, ColumnType]:
        names, positions = names_in(theirs), position_columns(theirs)
        kinds: dict[str, ColumnType] = {name: _kind(name) for name in theirs}
        if positions is not None:
            kinds |= {positions.lon: "angle", positions.lat: "angle"}
        if columns is None:
            return kinds
        needed = {RA, DEC, *ID_COLUMNS, *columns}
        return {name: kind for name, kind in kinds.items() if {name, name.lower(), names[name]} & needed}

    raw = read_table(file, choose)
    frame, positions = raw.frame, position_columns(raw.columns)
    if positions is not None:
        sky = sky_positions(frame, positions, raw.units, with_equinoxes(frame, raw.frames, positions))
        frame = frame.assign(**{positions.lon: sky.ra, positions.lat: sky.dec})
    return frame, names_in(raw.columns), raw.units


def _kind(name: str) -> ColumnType:
    return "text" if name.lower() in ID_COLUMNS else "any"


def _select_columns(
    catalog: pd.DataFrame, file: str, names: dict[str, str], columns: Sequence[str] | None
) -> dict[str, str]:
    """Schema names of the columns to add, by name in the other table."""
    if columns is None:
        passed = {*ID_COLUMNS, RA, DEC}
        return {theirs: ours for theirs, ours in names.items() if ours not in catalog and ours not in passed}
    selection = {theirs: ours for theirs, ours in names.items() if {theirs, ours} & set(columns)}
    absent = [name for name in columns if name not in {*selection, *selection.values()}]
    if absent:
        raise InputError(f"{file} has no column {choices(absent)}", f"one of {choices(names, 40)}")
    present = [ours for ours in selection.values() if ours in catalog]
    if present:
        raise InputError(
            f"The catalogue already has {choices(present)}", "columns that it does not have", "Nothing is overwritten."
        )
    return selection


def _by_id(catalog: pd.DataFrame, other: pd.DataFrame, file: str) -> tuple[NDArray[np.intp], int]:
    lower = {name.lower(): name for name in other.columns}
    column = next((lower[name] for name in ID_COLUMNS if name in lower), None)
    if column is None:
        raise InputError(f"{file} has no ids", f"one of {choices(ID_COLUMNS)}", "Join by position.")
    if are_names(other[column]):
        ids = other[column].map(name_id, na_action="ignore").dropna()
    else:
        ids = ids_of(other[column], f"{file}, column {column!r}").dropna()
    first = ids[~ids.duplicated()]
    place = pd.Index(first.astype(np.int64)).get_indexer(pd.Index(catalog[GALAXY_ID]))
    match = np.where(place >= 0, first.index.to_numpy()[place], -1)
    return match, int(catalog[GALAXY_ID].isin(ids[ids.duplicated()]).sum())


def _by_position(catalog: pd.DataFrame, other: pd.DataFrame, within: float) -> tuple[NDArray[np.intp], int]:
    names = {ours: theirs for theirs, ours in names_in(list(other.columns)).items()}
    if RA not in names or DEC not in names:
        raise InputError("The other table has no ra and dec", "positions", "Join by id.")
    placed = other[_on_sphere(other[names[RA]], other[names[DEC]])]
    if placed.empty:
        raise InputError("The other table has no position on the sphere", "positions", "Join by id.")
    has_position = _on_sphere(catalog[RA], catalog[DEC])
    if not has_position.any():
        raise InputError("The catalogue has no positions", "positions", "Join by id.")
    tree = cKDTree(unit_vectors(placed[names[RA]], placed[names[DEC]]))
    galaxies = unit_vectors(catalog.loc[has_position, RA], catalog.loc[has_position, DEC])
    distances, nearest = tree.query(galaxies, k=2, distance_upper_bound=chord(within))
    # Galaxies without a neighbour have the index beyond the last.
    rows = np.append(placed.index.to_numpy(), -1)
    match = np.full(len(catalog), -1, dtype=np.intp)
    match[has_position] = rows[nearest[:, 0]]
    return match, int(np.isfinite(distances[:, 1]).sum())


def _on_sphere(ra: pd.Series[Any], dec: pd.Series[Any]) -> NDArray[np.bool_]:
    return np.asarray(np.isfinite(ra) & dec.between(-90.0, 90.0), dtype=np.bool_)
