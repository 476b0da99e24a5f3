"""Recognition of a table and mapping of its columns to the schema."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from gz2interp.errors import InputError, choices
from gz2interp.schema import (
    BANDS,
    DEC,
    GALAXY_ID,
    GZ2CLASS,
    LABEL,
    MAGNITUDES,
    PETRO_RADIUS,
    QUESTIONS,
    RA,
    VOTE_KINDS,
    vote_column,
)
from trainer.catalog.delimited import ColumnType
from trainer.catalog.other_votes import VoteColumns, vote_columns
from trainer.catalog.positions import PositionColumns, position_columns

__all__ = ["FILE_COLUMNS", "ID_COLUMNS", "NUMBERS", "TableLayout", "layout_of", "names_in"]

ID_COLUMNS: Final = (
    *(
        GALAXY_ID,
        "dr7objid",
        "dr8objid",
        "objid",
        "photoobjid",
        "specobjid",
        "coadd_objid",
        "coadd_object_id",
        "galaxyid",
        "id_str",
    ),
    *("dr8_id", "object_id", "objectid", "source_id", "targetid", "iauname", "id"),
)
"""Names of id columns in order of preference; the votes of GZ2 refer to DR7 objects."""

NUMBERS: Final[dict[str, tuple[str, ...]]] = {
    PETRO_RADIUS: ("petro_radius", "petrorad_r", "petror90_r"),
    "redshift": ("redshift", "specz", "z_spec", "zspec", "spec_z"),
    "axis_ratio": ("axis_ratio", "expab_r", "devab_r", "b_over_a", "b/a"),
    "ebv": ("ebv", "e_bv", "e(b-v)", "ebv_sfd"),
}
"""Names in other tables, in lower case and in order of preference, by name in the schema."""

FILE_COLUMNS: Final = ("file", "file_loc", "filename", "png_loc", "jpg_loc", "image_file", "filepath")
"""Names of columns with the file name of a galaxy's image."""

_TEXTS: Final = {GZ2CLASS: ("gz2class", "gz2_class"), LABEL: (LABEL,), "file": FILE_COLUMNS}
_RECREATED: Final = re.compile(r"table_row|id_from||unnamed: \d+|__index_level_\d+__", re.IGNORECASE)
"""Columns of an earlier catalogue that are recreated, and row numbers written by pandas."""
_EXPORT_COLUMNS: Final = re.compile(
    r"status|reason|source|tries|time|pixel_scale|field|position_angle|native_unit|split|prediction|confidence|uncertainty"
    r"|map_[xy]|sky_sigma_.+|psf_fwhm_.+|p_.+"
)
"""Columns of cutouts and models in an export of a survey, which a new survey recreates."""
_PLAIN: Final = ("total_votes", "total_classifications")
_MAGNITUDE_FAMILIES: Final = ("{}", "modelmag_{}", "petromag_{}", "cmodelmag_{}", "mag_{}")
_VOTES: Final = {
    vote_column(question.name, answer, kind): kind
    for question in QUESTIONS.values()
    for answer in question.answers
    for kind in VOTE_KINDS
}


@dataclass(frozen=True)
class TableLayout:
    """Mapping of a file's columns to the schema.

    Attributes
    ----------
    kind : str
        Description of the table.
    id_column : str
        Column of ids; "" if there is none and ids are derived from the positions.
    positions : PositionColumns or None
        None if the table has no positions.
    votes : VoteColumns
        Votes under names other than Galaxy Zoo 2's.
    names : dict
        Name in the schema by name in the file, for every column that is read.
    types : dict
        Type by name in the file.
    notes : tuple of str
        Decisions, for the report.
    user_columns : tuple of str
        Columns of the file outside the schema, which are kept.
    left_out : tuple of str
        Columns of the file that are not read.
    """

    kind: str
    id_column: str
    positions: PositionColumns | None
    votes: VoteColumns
    names: dict[str, str]
    types: dict[str, ColumnType]
    notes: tuple[str, ...]
    user_columns: tuple[str, ...]
    left_out: tuple[str, ...]


def layout_of(columns: Sequence[str]) -> TableLayout:
    """Find the columns of the schema among those of a file, ignoring case.

    Raises
    ------
    InputError
        There is neither a position nor an id with votes, a class, a label or a file.
    """
    theirs = _by_lower_case(columns)
    votes = vote_columns(columns)
    matches, notes = _find(theirs, votes)
    positions = position_columns(columns)
    id_column = next((theirs[name] for name in ID_COLUMNS if name in theirs), "")
    _check_enough(columns, matches, positions, id_column)
    notes.append(f"ids are {id_column}" if id_column else "no column of ids: they are derived from the positions")
    if positions is None:
        notes.append("no positions: archives, frames and matching by position are not available")
    else:
        notes.append(f"positions are {positions.lon} and {positions.lat}")
    placed = {positions.lon, positions.lat} if positions else set()
    names = {name: ours for ours, name in matches.items() if name not in placed}
    names |= {id_column: GALAXY_ID} if id_column else {}
    others = [name for name in columns if name not in names and name not in placed]
    export = _is_export(theirs)
    left_out = [name for name in others if _RECREATED.fullmatch(name) or (export and _EXPORT_COLUMNS.fullmatch(name))]
    user_columns = [name for name in others if name not in left_out]
    types: dict[str, ColumnType] = {name: _type_of(ours) for name, ours in names.items()}
    types.update(dict.fromkeys(placed, "angle"), **dict.fromkeys(user_columns, "any"))
    return TableLayout(
        kind=votes.kind or _kind(theirs, matches, positions),
        id_column=id_column,
        positions=positions,
        votes=votes,
        names=names | _unique_names(user_columns, {*names.values(), GALAXY_ID, RA, DEC}),
        types={name: types[name] for name in columns if name in types},
        notes=(*notes, *votes.notes),
        user_columns=tuple(user_columns),
        left_out=tuple(left_out),
    )


def _check_enough(
    columns: Sequence[str], matches: dict[str, str], positions: PositionColumns | None, id_column: str
) -> None:
    identified = bool(id_column) and any(ours in (GZ2CLASS, LABEL, "file") or ours in _VOTES for ours in matches)
    if positions is None and not identified:
        lower = {name.lower() for name in columns}
        missing = [name for name in (RA, DEC) if name not in lower] or [RA, DEC]
        raise InputError(
            f"No column {' and no column '.join(missing)}; the table has {choices(columns)}",
            "the position, under names such as ra and dec, RAJ2000 and DEJ2000, or GLON and GLAT",
            "Is it a Galaxy Zoo 2 table, with its line of column names?",
        )


def _unique_names(user_columns: Sequence[str], taken: set[str]) -> dict[str, str]:
    """Names of columns outside the schema: unchanged, or prefixed if they equal a name of the schema, ignoring case."""
    names = dict[str, str]()
    reserved = {name.lower() for name in (*taken, *MAGNITUDES, *NUMBERS, *_TEXTS, *_VOTES)}
    for name in user_columns:
        unique = name
        while unique.lower() in reserved:
            unique = f"original_{unique}"
        reserved.add(unique.lower())
        names[name] = unique
    return names


def names_in(columns: Sequence[str]) -> dict[str, str]:
    """Name of each column of a file: in the schema if it has one, else its name in lower case."""
    matches, _ = _find(_by_lower_case(columns), vote_columns(columns))
    schema_names = {name: ours for ours, name in matches.items()}
    if (positions := position_columns(columns)) is not None:
        schema_names |= {positions.lon: RA, positions.lat: DEC}
    return {name: schema_names.get(name, name.lower()) for name in columns}


def _by_lower_case(columns: Sequence[str]) -> dict[str, str]:
    return {name.lower(): name for name in reversed(columns)}


def _find(theirs: dict[str, str], votes: VoteColumns) -> tuple[dict[str, str], list[str]]:
    """Name in the file by name in the schema, and notes about the choice."""
    notes = list[str]()
    matches = {ours: theirs[alias] for ours, alias in _aliased(theirs, NUMBERS | _TEXTS)}
    matches |= {ours: name for name, ours in votes.names.items()}
    matches |= {name: theirs[name] for name in (*_PLAIN, *_VOTES) if name in theirs}
    matches |= _magnitudes(theirs, notes) or _redshift(theirs, matches, notes)
    radius = matches.get(PETRO_RADIUS, "")
    if radius.lower() == "petror90_r":
        notes.append(f"{PETRO_RADIUS} is {radius}, the radius of 90 % of the light, in place of a Petrosian radius")
    return matches, notes


def _aliased(theirs: dict[str, str], names: dict[str, tuple[str, ...]]) -> Iterator[tuple[str, str]]:
    for ours, aliases in names.items():
        alias = next((alias for alias in aliases if alias in theirs), None)
        if alias is not None:
            yield ours, alias


def _magnitudes(theirs: dict[str, str], notes: list[str]) -> dict[str, str]:
    for family in _MAGNITUDE_FAMILIES:
        columns = [family.format(band) for band in BANDS]
        if all(column in theirs for column in columns):
            notes.append(f"{', '.join(theirs[column] for column in columns)} are magnitudes")
            return {band: theirs[column] for band, column in zip(MAGNITUDES, columns, strict=True)}
    return {}


def _redshift(theirs: dict[str, str], matches: dict[str, str], notes: list[str]) -> dict[str, str]:
    if "z" not in theirs or "redshift" in matches:
        return {}
    if any(band in theirs for band in BANDS[:-1]):
        notes.append(
            "z occurs with only some of u, g, r and i: magnitude or redshift is unclear, so it is kept as original_z"
        )
        return {}
    notes.append("z occurs without u, g, r and i, so it is read as the redshift")
    return {"redshift": theirs["z"]}


def _is_export(theirs: dict[str, str]) -> bool:
    return GALAXY_ID in theirs and "status" in theirs


def _kind(theirs: dict[str, str], matches: dict[str, str], positions: PositionColumns | None) -> str:
    voted = any(name in _VOTES for name in matches)
    if GALAXY_ID in theirs:
        return "an export of a gz2interp survey" if _is_export(theirs) else "a catalogue in the schema of gz2interp"
    if "gz2_class" in theirs and voted:
        return "the Galaxy Zoo 2 table with the debiasing of Hart et al. 2016 (gz2_hart16)"
    if "gz2class" in theirs and voted:
        return "a main Galaxy Zoo 2 table (Willett et al. 2013, table 1: zoo2MainSpecz)"
    if voted and all(band in theirs for band in BANDS):
        return "Galaxy Zoo 2 votes with SDSS magnitudes, as of the Stripe 82 coadds (Willett et al. 2013, table 5)"
    if voted:
        return "a table of Galaxy Zoo 2 votes"
    return "a table of positions without votes" if positions else "a table of labels without positions"


def _type_of(ours: str) -> ColumnType:
    if ours == GALAXY_ID or ours in _TEXTS:
        return "text"
    return "vote" if ours in _VOTES else "number"
