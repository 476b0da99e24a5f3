"""Which table it is, and which of its columns are ours: names differ, the schema does not."""

from __future__ import annotations

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

__all__ = ["ID_COLUMNS", "NUMBERS", "Layout", "layout_of", "names_in"]

ID_COLUMNS: Final = (GALAXY_ID, "dr7objid", "dr8objid", "objid", "photoobjid", "specobjid", "coadd_objid")
"""Where an id may stand, the best first: GZ2's own votes belong to the DR7 object."""

NUMBERS: Final[dict[str, tuple[str, ...]]] = {
    RA: ("ra", "raj2000", "ra_deg"),
    DEC: ("dec", "decj2000", "dej2000", "dec_deg"),
    PETRO_RADIUS: ("petro_radius", "petrorad_r", "petror90_r"),
    "redshift": ("redshift", "specz", "z_spec", "zspec", "spec_z"),
    "axis_ratio": ("axis_ratio", "expab_r", "devab_r", "b_over_a", "b/a"),
    "ebv": ("ebv", "e_bv", "e(b-v)", "ebv_sfd"),
}
"""Our names, and theirs in lower case, the best first."""

_TEXTS: Final = {GZ2CLASS: ("gz2class", "gz2_class"), LABEL: (LABEL,), "file": ("file", "filename")}
_PLAIN: Final = ("total_votes", "total_classifications")
_MAGNITUDE_FAMILIES: Final = ("{}", "modelmag_{}", "petromag_{}", "cmodelmag_{}", "mag_{}")
_VOTES: Final = {
    vote_column(question.name, answer, kind): kind
    for question in QUESTIONS.values()
    for answer in question.answers
    for kind in VOTE_KINDS
}


@dataclass(frozen=True)
class Layout:
    """How a file's columns become ours.

    Attributes
    ----------
    kind : str
        Which table it is, in words.
    id_column : str
        The file's column of ids; "" where there is none and ids are made from the positions.
    names : dict
        The file's name to ours, of every column that is read.
    types : dict
        The file's name to how it is read.
    notes : tuple of str
        What was decided, in words.
    left_out : tuple of str
        The file's columns that are not read.
    """

    kind: str
    id_column: str
    names: dict[str, str]
    types: dict[str, ColumnType]
    notes: tuple[str, ...]
    left_out: tuple[str, ...]


def layout_of(columns: Sequence[str]) -> Layout:
    """Find the schema's columns among a file's, whatever their case.

    Raises
    ------
    InputError
        There is no position.
    """
    theirs = _by_lower_case(columns)
    found, notes = _find(theirs)
    missing = [name for name in (RA, DEC) if name not in found]
    if missing:
        raise InputError(
            f"No column {' and no column '.join(missing)}; the table has {choices(columns)}",
            f"the position in degrees, under a name such as {' or '.join(NUMBERS[missing[0]])}",
            "Is it a Galaxy Zoo 2 table, with its line of column names?",
        )
    id_column = next((theirs[name] for name in ID_COLUMNS if name in theirs), "")
    notes.append(f"ids are {id_column}" if id_column else "no column of ids: they are made from the positions")
    names = {name: ours for ours, name in found.items()} | ({id_column: GALAXY_ID} if id_column else {})
    return Layout(
        kind=_kind(theirs, found),
        id_column=id_column,
        names=names,
        types={name: _type_of(ours) for name, ours in names.items()},
        notes=tuple(notes),
        left_out=tuple(name for name in columns if name not in names),
    )


def names_in(columns: Sequence[str]) -> dict[str, str]:
    """Our name of each of a file's columns: the schema's where we know it, else its own in lower case."""
    found, _ = _find(_by_lower_case(columns))
    known = {name: ours for ours, name in found.items()}
    return {name: known.get(name, name.lower()) for name in columns}


def _by_lower_case(columns: Sequence[str]) -> dict[str, str]:
    return {name.lower(): name for name in reversed(columns)}


def _find(theirs: dict[str, str]) -> tuple[dict[str, str], list[str]]:
    """The file's name of each column that we know, and what there is to say of the choice."""
    notes = list[str]()
    found = {ours: theirs[alias] for ours, alias in _aliased(theirs, NUMBERS | _TEXTS)}
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
        notes.append("z stands beside only some of u, g, r and i: magnitude or redshift is unclear, so it is not read")
        return {}
    notes.append("z stands without u, g, r and i, so it is read as the redshift")
    return {"redshift": theirs["z"]}


def _kind(theirs: dict[str, str], found: dict[str, str]) -> str:
    voted = any(name in _VOTES for name in found)
    if GALAXY_ID in theirs:
        return "an export of a gz2interp survey" if "status" in theirs else "a catalogue in the schema of gz2interp"
    if "gz2_class" in theirs and voted:
        return "the Galaxy Zoo 2 table with the debiasing of Hart et al. 2016 (gz2_hart16)"
    if "gz2class" in theirs and voted:
        return "a main Galaxy Zoo 2 table (Willett et al. 2013, table 1: zoo2MainSpecz)"
    if voted and all(band in theirs for band in BANDS):
        return "Galaxy Zoo 2 votes with SDSS magnitudes, as of the Stripe 82 coadds (Willett et al. 2013, table 5)"
    return "a table of Galaxy Zoo 2 votes" if voted else "a table of positions without votes"


def _type_of(ours: str) -> ColumnType:
    if ours == GALAXY_ID or ours in _TEXTS:
        return "text"
    return "vote" if ours in _VOTES else "number"
