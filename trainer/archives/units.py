"""Units of a service's pixels: assumed until measured on stars by `calibrate-source`."""

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
        As recorded with each cutout.
    nanomaggies : mapping
        Nanomaggies of one unit by band; 1 for bands not listed.
    """

    words: str
    nanomaggies: Mapping[str, float] = field(default_factory=dict)

    def factors(self, bands: Sequence[str], area: float) -> dict[str, float]:
        """Nanomaggies per cutout pixel in one unit of the service, by band.

        Parameters
        ----------
        area : float
            Area of a cutout pixel, in pixels to which the service's values refer.
        """
        return {band: self.nanomaggies.get(band, 1.0) * area for band in bands}


UNVERIFIED = Unit("nanomaggy (unverified)")


def unit_file(source: str, host: str) -> Path:
    """File of the measured unit of a service, one per host, in the surveys folder."""
    plain = "".join(letter if letter.isalnum() or letter in ".-" else "_" for letter in host)
    return surveys_folder() / ".calibrations" / f"{source}-{plain}.json"


def read_unit(source: str, host: str) -> Unit:
    """The last measured unit, else `UNVERIFIED`."""
    file = unit_file(source, host)
    if not file.exists():
        return UNVERIFIED
    return read_record(file, lambda record: record_from_json(Unit, record))


def write_unit(source: str, host: str, unit: Unit, **measured: object) -> Path:
    """Write a unit, with the measurements it is derived from."""
    file = unit_file(source, host)
    write_json(file, {"words": unit.words, "nanomaggies": dict(unit.nanomaggies), **measured})
    return file
