"""What one unit of a service's pixels is: taken on trust until stars have been measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gz2interp.records import record_from_json
from gz2interp.stores.files import read_record, write_json
from gz2interp.stores.locations import surveys_folder

__all__ = ["UNVERIFIED", "Unit", "read_unit", "unit_file", "write_unit"]


@dataclass(frozen=True)
class Unit:
    """The unit of a service's pixels.

    Attributes
    ----------
    words : str
        As it is written beside each cutout.
    nanomaggies : mapping
        Band to nanomaggies of one unit; 1 for bands that it does not name.
    """

    words: str
    nanomaggies: Mapping[str, float] = field(default_factory=dict)

    def factors(self, bands: Sequence[str], area: float) -> dict[str, float]:
        """What to multiply each band with.

        Parameters
        ----------
        bands : sequence of str
        area : float
            Of a cutout pixel, in those to which the service's values refer.
        """
        return {band: self.nanomaggies.get(band, 1.0) * area for band in bands}


UNVERIFIED = Unit("nanomaggy (unverified)")


def unit_file(source: str, host: str) -> Path:
    """Where the unit of a service is written down, beside the surveys; hosts of one service may differ."""
    plain = "".join(letter if letter.isalnum() or letter in ".-" else "_" for letter in host)
    return surveys_folder() / ".calibrations" / f"{source}-{plain}.json"


def read_unit(source: str, host: str) -> Unit:
    """The unit as last measured, else `UNVERIFIED`."""
    file = unit_file(source, host)
    if not file.exists():
        return UNVERIFIED
    return read_record(file, lambda record: record_from_json(Unit, record))


def write_unit(source: str, host: str, unit: Unit, **measured: object) -> Path:
    """Write a unit down, with the numbers that it follows from."""
    file = unit_file(source, host)
    write_json(file, {"words": unit.words, "nanomaggies": dict(unit.nanomaggies), **measured})
    return file
