"""Answers in the formats of the services: pages of SkyView, FITS files, tables of fields."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Sequence

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from gz2interp.schema import BANDS
from gz2interp.stores.resampling import north_up

__all__ = ["crossid_table", "field_names", "fits_file", "skyview_form", "skyview_results", "uploaded_positions"]


def skyview_form() -> bytes:
    """The page of the form, with the names and structure of the real one."""
    options = "".join(f"<option>SDSS{band}</option>" for band in BANDS)
    return (
        "<html><head><title>SkyView Query Form</title></head><body>"
        "<form method='GET' action='/current/cgi/runquery.pl'>"
        "<input name='Position' type='text'><input name='pixels' type='text' value='300'>"
        "<select name='coordinates'><option value='J2000' selected>J2000<option value='B1950'>B1950</select>"
        "<select name='projection'><option value='Tan' selected>Tan<option value='Sin'>Sin</select>"
        "<select name='Sampler'><option value='_skip_' selected>Default<option value='LI'>LI"
        "<option value='Clip'>Clip</select>"
        f"<select multiple name='survey' id='Optical:SDSS'>{options}</select>"
        "<input type='submit' value='Submit'></form></body></html>"
    ).encode()


def skyview_results(names: Sequence[str]) -> bytes:
    """The page that lists the images."""
    links = "".join(
        f"<span>Download <a href=../../tempspace/fits/{name}.fits>FITS</a> or "
        f"<a href=../../tempspace/fits/{name}.jpg>quick look jpeg</a> image.</span>"
        for name in names
    )
    return f"<html><head><title>SkyView Query Results</title></head><body>{links}</body></html>".encode()


def fits_file(pixels: NDArray[np.float32], ra: float, dec: float, pixel_scale: float, **cards: str) -> bytes:
    """A FITS image with its WCS."""
    header = north_up(ra, dec, pixel_scale, pixels.shape[:2]).to_header()
    header.update(cards)
    file = io.BytesIO()
    fits.PrimaryHDU(pixels, header).writeto(file)
    return file.getvalue()


def uploaded_positions(body: bytes) -> list[tuple[float, float]]:
    """The positions of a cross-identification, from its multipart form."""
    match = re.search(rb'filename="astroquery"[^\r\n]*(?:\r?\n[^\r\n]+)*\r?\n\r?\n(.*?)\r?\n--', body, re.DOTALL)
    lines = match[1].decode().split("\n") if match else []
    rows = [line.split() for line in lines if line.strip()]
    return [(float(row[-2]), float(row[-1])) for row in rows[1:]]


def crossid_table(query: str, rows: Sequence[dict[str, object]]) -> bytes:
    """The table of a cross-identification, with the columns selected by the query."""
    selected = re.search(r"select\s+(.*?)\s+from", query, re.IGNORECASE | re.DOTALL)
    names = (
        [re.split(r"\s+as\s+|\.", part.strip(), flags=re.IGNORECASE)[-1] for part in selected[1].split(",")]
        if selected
        else []
    )
    file = io.StringIO()
    file.write("#Table1\n")
    writer = csv.DictWriter(file, names, restval="GALAXY", extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue().encode()


def field_names() -> bytes:
    """The columns of the table used in queries, as JSON."""
    names = ("run", "rerun", "camcol", "field", "ra", "dec", "objID", "type")
    return json.dumps([{"TableName": "Table1", "Rows": [{"name": name} for name in names]}]).encode()
