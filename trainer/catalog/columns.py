"""Which table it is, and which of its columns are ours: names differ, the schema does not."""

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
"""Where an id may stand, the best first: GZ2's own votes belong to the DR7 object."""

NUMBERS: Final[dict[str, tuple[str, ...]]] = {
    PETRO_RADIUS: ("petro_radius", "petrorad_r", "petror90_r"),
    "redshift": ("redshift", "specz", "z_spec", "zspec", "spec_z"),
    "axis_ratio": ("axis_ratio", "expab_r", "devab_r", "b_over_a", "b/a"),
    "ebv": ("ebv", "e_bv", "e(b-v)", "ebv_sfd"),
}
"""Our names, and theirs in lower case, the best first."""

FILE_COLUMNS: Final = ("file", "file_loc", "filename", "png_loc", "jpg_loc", "image_file", "filepath")
"""Where the name of a galaxy's image may stand."""

_TEXTS: Final = {GZ2CLASS: ("gz2class", "gz2_class"), LABEL: (LABEL,), "file": FILE_COLUMNS}
_REMADE: Final = re.compile(r"table_row|id_from||unnamed: \d+|__index_level_\d+__", re.IGNORECASE)
"""What a catalogue has of its own file, and gets anew; and the row numbers that pandas writes."""
_OF_EXPORTS: Final = re.compile(
    r"status|reason|source|tries|time|pixel_scale|field|position_angle|native_unit|split|prediction|confidence|uncertainty"
    r"|map_[xy]|sky_sigma_.+|psf_fwhm_.+|p_.+"
)
"""What `gz2interp.stores.exporting` puts beside the catalogue: of cutouts and models, which a new survey makes anew."""
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
    """How a file's columns become ours.

    Attributes
    ----------
    kind : str
        Which table it is, in words.
    id_column : str
        The file's column of ids; "" where there is none and ids are made from the positions.
    positions : PositionColumns or None
        None where the table has no positions.
    votes : VoteColumns
        Votes under names other than Galaxy Zoo 2's.
    names : dict
        The file's name to ours, of every column that is read; other columns stay under their own.
    types : dict
        The file's name to how it is read.
    notes : tuple of str
        What was decided, in words.
    user_columns : tuple of str
        The file's columns that are in no schema of ours: they stay.
    left_out : tuple of str
        The file's columns that are not read.
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
    """Find the schema's columns among a file's, whatever their case.

    Raises
    ------
    InputError
        There is neither a position, nor an id with votes, a class, a label or a file.
    """
    theirs = _by_lower_case(columns)
    votes = vote_columns(columns)
    found, notes = _find(theirs, votes)
    positions = position_columns(columns)
    id_column = next((theirs[name] for name in ID_COLUMNS if name in theirs), "")
    _check_enough(columns, found, positions, id_column)
    notes.append(f"ids are {id_column}" if id_column else "no column of ids: they are made from the positions")
    if positions is None:
        notes.append("no positions: what needs the sky (archives, frames, finding by position) is not possible")
    else:
        notes.append(f"positions are {positions.lon} and {positions.lat}")
    placed = {positions.lon, positions.lat} if positions else set()
    names = {name: ours for ours, name in found.items() if name not in placed}
    names |= {id_column: GALAXY_ID} if id_column else {}
    others = [name for name in columns if name not in names and name not in placed]
    export = _is_export(theirs)
    left_out = [name for name in others if _REMADE.fullmatch(name) or (export and _OF_EXPORTS.fullmatch(name))]
    user_columns = [name for name in others if name not in left_out]
    types: dict[str, ColumnType] = {name: _type_of(ours) for name, ours in names.items()}
    types.update(dict.fromkeys(placed, "angle"), **dict.fromkeys(user_columns, "any"))
    return TableLayout(
        kind=votes.kind or _kind(theirs, found, positions),
        id_column=id_column,
        positions=positions,
        votes=votes,
        names=names | _own_names(user_columns, {*names.values(), GALAXY_ID, RA, DEC}),
        types={name: types[name] for name in columns if name in types},
        notes=(*notes, *votes.notes),
        user_columns=tuple(user_columns),
        left_out=tuple(left_out),
    )


def _check_enough(
    columns: Sequence[str], found: dict[str, str], positions: PositionColumns | None, id_column: str
) -> None:
    identified = bool(id_column) and any(ours in (GZ2CLASS, LABEL, "file") or ours in _VOTES for ours in found)
    if positions is None and not identified:
        lower = {name.lower() for name in columns}
        missing = [name for name in (RA, DEC) if name not in lower] or [RA, DEC]
        raise InputError(
            f"No column {' and no column '.join(missing)}; the table has {choices(columns)}",
            "the position, under names such as ra and dec, RAJ2000 and DEJ2000, or GLON and GLAT",
            "Is it a Galaxy Zoo 2 table, with its line of column names?",
        )


def _own_names(user_columns: Sequence[str], taken: set[str]) -> dict[str, str]:
    """Names of columns in no schema: their own, set apart where one of ours is spelled so, in whatever case."""
    names = dict[str, str]()
    reserved = {name.lower() for name in (*taken, *MAGNITUDES, *NUMBERS, *_TEXTS, *_VOTES)}
    for name in user_columns:
        own = name
        while own.lower() in reserved:
            own = f"original_{own}"
        reserved.add(own.lower())
        names[name] = own
    return names


def names_in(columns: Sequence[str]) -> dict[str, str]:
    """Our name of each of a file's columns: the schema's where we know it, else its own in lower case."""
    found, _ = _find(_by_lower_case(columns), vote_columns(columns))
    known = {name: ours for ours, name in found.items()}
    if (positions := position_columns(columns)) is not None:
        known |= {positions.lon: RA, positions.lat: DEC}
    return {name: known.get(name, name.lower()) for name in columns}


def _by_lower_case(columns: Sequence[str]) -> dict[str, str]:
    return {name.lower(): name for name in reversed(columns)}


def _find(theirs: dict[str, str], votes: VoteColumns) -> tuple[dict[str, str], list[str]]:
    """The file's name of each column that we know, and what there is to say of the choice."""
    notes = list[str]()
    found = {ours: theirs[alias] for ours, alias in _aliased(theirs, NUMBERS | _TEXTS)}
    found |= {ours: name for name, ours in votes.names.items()}
    found |= {name: theirs[name] for name in (*_PLAIN, *_VOTES) if name in theirs}
    found |= _magnitudes(theirs, notes) or _redshift(theirs, found, notes)
    radius = found.get(PETRO_RADIUS, "")
    if radius.lower() == "petror90_r":
        notes.append(f"{PETRO_RADIUS} is {radius}, the radius of 90 % of the light: no Petrosian radius was found")
    return found, notes


def _aliased(theirs: dict[str, str], known: dict[str, tuple[str, ...]]) -> Iterator[tuple[str, str]]:
    for ours, aliases in known.items():
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


def _redshift(theirs: dict[str, str], found: dict[str, str], notes: list[str]) -> dict[str, str]:
    if "z" not in theirs or "redshift" in found:
        return {}
    if any(band in theirs for band in BANDS[:-1]):
        notes.append(
            "z stands beside only some of u, g, r and i: magnitude or redshift is unclear, so it is kept as original_z"
        )
        return {}
    notes.append("z stands without u, g, r and i, so it is read as the redshift")
    return {"redshift": theirs["z"]}


def _is_export(theirs: dict[str, str]) -> bool:
    return GALAXY_ID in theirs and "status" in theirs


def _kind(theirs: dict[str, str], found: dict[str, str], positions: PositionColumns | None) -> str:
    voted = any(name in _VOTES for name in found)
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
