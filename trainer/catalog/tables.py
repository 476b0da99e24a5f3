"""Reading of text, FITS, VOTable and Parquet tables, plain or compressed, with their units and coordinate frames."""

from __future__ import annotations

import io
import lzma
import re
import warnings
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from astropy.io import fits, votable
from astropy.table import Table
from numpy.typing import NDArray

from gz2interp.errors import InputError, choices
from gz2interp.stores.reading import DamagedFile, reading, unpacked
from trainer.catalog import delimited

__all__ = ["ColumnType", "RawTable", "opened", "read_table"]

ColumnType = delimited.ColumnType
Format = Literal[
    "CSV",
    "FITS",
    "VOTable",
    "Parquet",
    "ECSV",
    "IPAC",
    "fixed width",
    "ruled",
    "CDS",
    "LaTeX",
    "AASTeX",
    "RST",
    "SExtractor",
]
Choice = Callable[[tuple[str, ...]], dict[str, ColumnType]]

_ASTROPY_TEXT: Final[dict[Format, str]] = {
    "ECSV": "ascii.ecsv",
    "IPAC": "ascii.ipac",
    "fixed width": "ascii.fixed_width",
    "ruled": "ascii.fixed_width_two_line",
    "CDS": "ascii.cds",
    "LaTeX": "ascii.latex",
    "AASTeX": "ascii.aastex",
    "RST": "ascii.rst",
    "SExtractor": "ascii.sextractor",
}
_BEGINNINGS: Final[dict[Format, str]] = {
    "ECSV": "# %ECSV",
    "LaTeX": "\\begin{table}",
    "AASTeX": "\\begin{deluxetable}",
    "RST": "===",
}
_FORMATS: Final = "a table: CSV, other text with a line of names, ECSV, FITS, VOTable or Parquet, plain, .gz or .bz2"
_REMEDY: Final = "If it was downloaded, it may be cut short or damaged: fetch it again and compare its size."
_MAX_DECOMPRESSED: Final = 4 << 30
"""Size limit of a table in an .xz or .zip file [bytes]."""

_NO_TABLES: Final = {
    b"\x89HDF": "an HDF5 file",
    b"PK": "a spreadsheet or another ZIP file of several members",
    b"\xd0\xcf\x11\xe0": "a spreadsheet",
    b"%PDF": "a PDF file",
    b"\xff\xd8\xff": "a JPEG image",
    b"\x89PNG": "a PNG image",
    b"ARROW1": "an Arrow file",
    b"\x93NUMPY": "a NumPy array",
    b"SQLite format 3": "a database",
    b"\xff\xfe": "text in UTF-16",
    b"\xfe\xff": "text in UTF-16",
}


@dataclass(frozen=True, eq=False)
class RawTable:
    """A table as in the file, with its original column names.

    Attributes
    ----------
    frame : DataFrame
        Text columns are pandas ``str`` (missing: NaN), numbers float64, votes float32; angles float64, or text where
        they are sexagesimal. An id column stored as floating point stays so, which allows to detect damaged ids.
    format : str
        For example ``"CSV"``, ``"FITS"``, ``"VOTable"`` or ``"Parquet"``.
    columns : tuple of str
        All columns of the file, including those not read.
    units, frames : dict
        Units and frames (such as ``"FK4 B1950"``) by column, as given in the file.
    notes : tuple of str
        Decisions about the file, for the report.
    """

    frame: pd.DataFrame
    format: Format
    columns: tuple[str, ...]
    units: dict[str, str] = field(default_factory=dict)
    frames: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class _Candidate:
    """One table of a file that may hold several."""

    name: str
    columns: tuple[str, ...]
    table: Table
    frames: dict[str, str] = field(default_factory=dict)


def read_table(path: Path, choose: Choice) -> RawTable:
    """Read the columns of a table that `choose` selects.

    Parameters
    ----------
    path : Path
        The format follows from the content, not from the suffix. gzip, bzip2, xz and ZIP are decompressed.
    choose : callable
        Maps the names of all columns to ``{name: type}`` of those to read. In a file with several tables, the first
        for which it raises no `InputError` is read.

    Raises
    ------
    InputError
        The file is missing or unreadable, or a field is invalid; the message has its line and column.
    """
    if not path.is_file():
        raise InputError(f"There is no file {path}", "a table: CSV, FITS, VOTable or Parquet", "Check the path.")
    with reading(path, InputError, expected=_FORMATS, remedy=_REMEDY):
        return _read(path, choose)


def opened(path: Path) -> IO[bytes]:
    """Open a file for its bytes, decompressed if the content is gzip or bzip2."""
    with reading(path, InputError, expected="a plain file, or one packed as .gz or .bz2", remedy=_REMEDY):
        return unpacked(path)


def _read(path: Path, choose: Choice) -> RawTable:
    content = _content(path)
    form = _format_of(path, content)
    if form == "CSV":
        sheet = delimited.open_sheet(path, content)
        return RawTable(delimited.read(sheet, choose(sheet.columns)), form, sheet.columns, sheet.units)
    if form == "Parquet":
        return _read_parquet(path, content, choose)
    return _read_astropy(path, form, content, choose)


def _content(path: Path) -> Callable[[Path], IO[bytes]]:
    """A function that opens the decompressed content of the file, and can be called repeatedly."""
    with unpacked(path) as file:
        if isinstance(file, io.BytesIO):
            packed = file.getvalue()
            return lambda _: io.BytesIO(packed)
        start = file.read(6)
    if start.startswith(b"\xfd7zXZ\0"):
        with lzma.open(path) as stream:
            inner = _read_bounded(stream)
        return lambda _: io.BytesIO(inner)
    if start.startswith(b"PK\x03\x04") and (member := _only_member(path)):
        with zipfile.ZipFile(path) as archive, archive.open(member) as stream:
            inner = _read_bounded(stream)
        return lambda _: io.BytesIO(inner)
    return lambda plain: plain.open("rb")


def _read_bounded(stream: IO[bytes]) -> bytes:
    data = stream.read(_MAX_DECOMPRESSED + 1)
    if len(data) > _MAX_DECOMPRESSED:
        raise DamagedFile(f"it would become more than {_MAX_DECOMPRESSED:,} bytes when it is unpacked")
    return data


def _only_member(path: Path) -> str:
    """The one table in a ZIP file, as Kaggle packs it; "" where there are several members, as in a spreadsheet."""
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if not name.endswith("/") and not name.startswith("__MACOSX")]
    return names[0] if len(names) == 1 else ""


def _format_of(path: Path, content: Callable[[Path], IO[bytes]]) -> Format:
    with content(path) as file:
        start = file.read(32_768)
    if start.startswith(b"SIMPLE  ="):
        return "FITS"
    if start.startswith(b"PAR1"):
        return "Parquet"
    for magic, words in _NO_TABLES.items():
        if start.startswith(magic):
            raise InputError(f"{path.name} is {words}", _FORMATS, "Save the table in one of these formats.")
    text = start.lstrip(b"\xef\xbb\xbf \n\r\t")
    if text[:14].lower().startswith((b"<!doctype html", b"<html")):
        raise InputError(
            f"{path.name} is a web page", _FORMATS, "The server answered with a page: fetch the table again."
        )
    if b"<VOTABLE" in start or text.startswith(b"<?xml"):
        return "VOTable"
    if text.startswith(b"{") or re.match(rb"\[\s*[{\[]", text):
        raise InputError(f"{path.name} is JSON", _FORMATS, "Save the table in one of these formats.")
    return _text_format(text.decode("utf-8", "replace"))


def _text_format(text: str) -> Format:
    for form, start in _BEGINNINGS.items():
        if text.startswith(start):
            return form
    lines = [line for line in text.splitlines() if line.strip()]
    if len(lines) > 1 and all(re.match(rf"#\s*{i + 1}\s+[A-Z]\w+\s", f"{lines[i]} ") for i in (0, 1)):
        return "SExtractor"
    if any(line.startswith("Byte-by-byte Description") for line in lines):
        return "CDS"
    if len(lines) > 1 and re.fullmatch(r"[-=]+(?: +[-=]+)+", lines[1].strip()):
        return "ruled"
    bars = [line for line in lines if not line.startswith(("\\", "#"))][:2]
    if bars and all(line.lstrip().startswith("|") and line.rstrip().endswith("|") for line in bars):
        types = {word.strip().lower() for word in bars[-1].strip("| ").split("|")}
        type_names = {"char", "c", "int", "i", "long", "l", "double", "d", "float", "f", "real", "r", "date"}
        return "IPAC" if len(bars) == 2 and types <= type_names else "fixed width"
    return "CSV"


def _read_astropy(path: Path, form: Format, content: Callable[[Path], IO[bytes]], choose: Choice) -> RawTable:
    notes: list[str] = []
    # Tables of archives violate the standards in harmless ways (unknown units, odd names).
    with content(path) as file, warnings.catch_warnings(action="ignore"):
        if form == "FITS":
            candidates = _fits_tables(file, path)
        elif form == "VOTable":
            candidates = _votables(file, path, notes)
        else:
            table = _expanded(_text_table(file.read().decode("utf-8-sig"), form))
            candidates = [_Candidate("", tuple(table.colnames), table)]
        candidate, types = _select(path, candidates, choose)
    if len(candidates) > 1:
        notes.append(f"the table {candidate.name} of {choices(one.name for one in candidates)} is read")
    table, names = candidate.table, candidate.columns
    columns = {
        name: _series(table[name], kind, path) for name, kind in types.items() if _is_flat(table[name], kind, path)
    }
    notes += [f"{name} holds an array in each row: left out" for name in types if name not in columns]
    units = {name: str(table[name].unit) for name in names if getattr(table[name], "unit", None)}
    return RawTable(pd.DataFrame(columns), form, names, units, candidate.frames, tuple(notes))


def _text_table(text: str, form: Format) -> Table:
    if form == "ECSV":  # the Gaia archive writes null in empty fields
        return Table.read(text, format=_ASTROPY_TEXT[form], fill_values=[("", "0"), ("null", "0")])
    return Table.read(text, format=_ASTROPY_TEXT[form])


def _select(path: Path, candidates: list[_Candidate], choose: Choice) -> tuple[_Candidate, dict[str, ColumnType]]:
    """The first table with the columns that `choose` needs."""
    problems = list[InputError]()
    for candidate in candidates:
        try:
            return candidate, choose(candidate.columns)
        except InputError as problem:
            problems.append(problem)
    if len(candidates) == 1:
        raise problems[0]
    raise InputError(
        f"None of the {len(candidates)} tables of {path.name} can be read: "
        + "; ".join(
            f"{candidate.name}: {problem.problem}" for candidate, problem in zip(candidates, problems, strict=True)
        ),
        problems[0].expected,
    )


def _fits_tables(file: IO[bytes], path: Path) -> list[_Candidate]:
    with fits.open(file, memmap=False, checksum=False) as hdus:
        tables = list[_Candidate]()
        for number, hdu in enumerate(hdus):
            if not isinstance(hdu, (fits.BinTableHDU, fits.TableHDU)):
                continue
            if hdu.header.get("ZTABLE") is True:
                raise InputError(f"{path.name} holds a compressed table", "a plain one", "Unpack it with funpack.")
            table = _expanded(Table.read(hdu, format="fits"))
            names = tuple(table.colnames)
            above = "" if hdus[0].header.get("NAXIS") else _fits_frame(hdus[0].header)  # else it belongs to the image
            frame = _fits_frame(hdu.header) or above
            name = f"{number} ({hdu.name})" if hdu.name else str(number)
            tables.append(_Candidate(name, names, table, dict.fromkeys(names, frame) if frame else {}))
    if not tables:
        raise InputError(f"{path.name} is a FITS file without a table", "a table extension", "Is it an image?")
    return tables


def _fits_frame(header: fits.Header) -> str:
    system = header.get("RADESYS", header.get("RADECSYS", ""))
    equinox = header.get("EQUINOX", "")
    return f"{system} {equinox}".strip()


def _votables(file: IO[bytes], path: Path, notes: list[str]) -> list[_Candidate]:
    data, patched = _with_datatypes(file.read())
    if patched:
        notes.append(f"{choices(patched)} have no datatype or length: read as text")
    tree = votable.parse(io.BytesIO(data), verify="ignore")
    sources = [table for table in tree.iter_tables() if table.fields]
    if not sources:
        raise InputError(
            f"{path.name} is a VOTable without a table", "a TABLE with FIELDs and DATA", _votable_status(tree)
        )

    if any(status == "OVERFLOW" for status, _ in _query_statuses(tree)):
        notes.append("the service truncated the table at its limit of rows (OVERFLOW): galaxies may be missing")
    tables = list[_Candidate]()
    for number, source in enumerate(sources):
        table = source.to_table(use_names_over_ids=True)
        frames = _coosys(tree, source, tuple(table.colnames))
        table = _expanded(table)
        tables.append(_Candidate(source.ID or source.name or str(number + 1), tuple(table.colnames), table, frames))
    return tables


def _votable_status(tree: Any) -> str:
    """Error message of a service that returned no table."""
    errors = [words for status, words in _query_statuses(tree) if status != "OK"]
    return f"The service reports: {errors[0][:200]}" if errors else ""


def _query_statuses(tree: Any) -> list[tuple[str, str]]:
    """Status of a service (OK, ERROR or OVERFLOW), with its message."""
    infos = [info for part in (*tree.resources, *tree.iter_tables()) for info in part.infos] + list(tree.infos)
    return [(str(info.value), str(info.content or info.value)) for info in infos if info.name == "QUERY_STATUS"]


_FIELD: Final = re.compile(rb"<(?:\w+:)?FIELD\b(?:[^>\"']|\"[^\"]*\"|'[^']*')*>")


def _with_datatypes(data: bytes) -> tuple[bytes, list[str]]:
    """Add datatype and array size to FIELDs without; a reader would otherwise take one letter of each cell."""
    patched = list[str]()
    if b"<TABLEDATA" not in data and b":TABLEDATA" not in data:
        return data, patched

    def complete(match: re.Match[bytes]) -> bytes:
        tag = match[0]
        typed = re.search(rb"\bdatatype\s*=\s*[\"']([^\"']*)", tag)
        if typed and (typed[1] not in (b"char", b"unicodeChar") or b"arraysize" in tag):
            return tag
        name = re.search(rb"\b(?:name|ID)\s*=\s*[\"']([^\"']*)", tag)
        patched.append(name[1].decode("utf-8", "replace") if name else "a FIELD")
        more = b' arraysize="*"' if typed else b' datatype="unicodeChar" arraysize="*"'
        end = -2 if tag.endswith(b"/>") else -1
        return re.sub(rb"\barraysize\s*=\s*[\"'][^\"']*[\"']", b"", tag[:end]) + more + tag[end:]

    return _FIELD.sub(complete, data), patched


def _coosys(tree: Any, table: Any, names: tuple[str, ...]) -> dict[str, str]:
    """Frame of each column, from the COOSYS that it refers to or the only one in the file."""
    systems = {str(system.ID): f"{system.system} {system.equinox or ''}".strip() for system in tree.iter_coosys()}
    only = next(iter(systems.values())) if len(set(systems.values())) == 1 else ""
    frames = {name: systems.get(str(column.ref), only) for name, column in zip(names, table.fields, strict=True)}
    return {name: frame for name, frame in frames.items() if frame}


def _expanded(table: Table) -> Table:
    """Add ra and dec [deg] to a table with a column of coordinates, or with hours, minutes and seconds."""
    from astropy.coordinates import SkyCoord

    for name in table.colnames:
        if isinstance(table[name], SkyCoord):
            sky = table[name].icrs
            table = Table([table[other] for other in table.colnames if other != name])
            table["ra"], table["dec"] = np.asarray(sky.ra.deg), np.asarray(sky.dec.deg)
    for name in table.colnames:
        if np.shape(table[name])[1:] == (1,):  # one value in each row, in brackets
            table[name] = table[name][:, 0]
    lower = {name.lower(): name for name in table.colnames}
    if {"rah", "ram", "ras", "ded", "dem", "des"} <= set(lower):
        h, m, s, d, arcmin, arcsec = (
            np.ma.filled(np.ma.asarray(table[lower[part]]).astype(np.float64), np.nan)
            for part in ("rah", "ram", "ras", "ded", "dem", "des")
        )
        sign = np.asarray(table[lower["de-"]]).astype(str) if "de-" in lower else np.full(len(table), "+")
        table["ra"] = 15 * (h + m / 60 + s / 3600)
        table["dec"] = np.where(sign == "-", -1, 1) * (d + arcmin / 60 + arcsec / 3600)
    return table


def _read_parquet(path: Path, content: Callable[[Path], IO[bytes]], choose: Choice) -> RawTable:
    with content(path) as file:
        parquet = pq.ParquetFile(file, page_checksum_verification=True)
        schema = parquet.schema_arrow
        names = tuple(schema.names)
        types = choose(names)
        table = parquet.read(list(types))
    nested = [name for name in types if pa.types.is_nested(schema.field(name).type) and types[name] == "any"]
    # Through Arrow: pandas would convert an integer column with missing values to floating point.
    arrays = {name: _arrow_array(table[name], kind, path, name) for name, kind in types.items() if name not in nested}
    frame = pd.DataFrame(pa.table(arrays).to_pandas())
    for name, kind in types.items():
        if kind == "angle":
            frame[name] = delimited.angles(frame[name])
    meta = {name: schema.field(name).metadata or {} for name in names}
    units = {name: entries[b"unit"].decode("utf-8", "replace") for name, entries in meta.items() if b"unit" in entries}
    notes = tuple(f"{name} holds several values in each row: left out" for name in nested)
    return RawTable(frame, "Parquet", names, units, {}, notes)


def _arrow_array(column: pa.ChunkedArray, kind: ColumnType, path: Path, name: str) -> pa.ChunkedArray:
    if kind == "text" and pa.types.is_floating(column.type):
        return column
    if kind == "any":
        return _arrow_value(column)
    is_text = pa.types.is_string(column.type) or pa.types.is_large_string(column.type)
    try:
        return column if kind == "angle" and is_text else column.cast(delimited.ARROW_TYPES[kind])
    except pa.ArrowException as error:
        expected = "text" if kind == "text" else "numbers"
        raise InputError(f"{path.name}, column {name!r} holds {column.type}", expected, str(error)) from error


def _arrow_value(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Numbers and booleans unchanged; integers with missing values as floating point if exact, else as text."""
    kind = column.type
    if pa.types.is_integer(kind) and column.null_count:
        try:
            return column.cast(pa.float64())
        except pa.ArrowInvalid:
            return column.cast(pa.string())
    plain = (
        pa.types.is_integer(kind) or pa.types.is_floating(kind) or (pa.types.is_boolean(kind) and not column.null_count)
    )
    return column if plain else column.cast(pa.string())


def _is_flat(column: Any, kind: ColumnType, path: Path) -> bool:
    """Whether a column has one value per row; raises `InputError` if a column of the schema has not."""
    if len(np.shape(column)) == 1 and np.ma.getdata(column).dtype.names is None:
        return not (kind == "any" and _is_ragged(column))
    if kind == "any":
        return False
    raise InputError(f"{path.name}, column {column.name!r} holds an array in each row", "one value in each row")


def _is_ragged(column: Any) -> bool:
    values = np.asarray(np.ma.getdata(column))
    return values.dtype.kind == "O" and any(isinstance(value, (np.ndarray, list, tuple, dict)) for value in values)


def _series(column: Any, kind: ColumnType, path: Path) -> pd.Series[Any]:
    """Convert an astropy column to text or numbers, with NaN for missing values."""
    values: NDArray[Any] = np.asarray(np.ma.getdata(column))
    if getattr(column, "unit", None) is not None and hasattr(column, "value") and values.dtype.kind != "f":
        values = np.asarray(column.value)
    gaps = np.asarray(np.ma.getmaskarray(column)) if hasattr(column, "mask") else np.zeros(len(values), bool)
    if kind in ("number", "vote"):
        return pd.Series(_numbers(values, gaps, column.name, path).astype(delimited.NUMPY_TYPES[kind]))
    if values.dtype.kind == "f":  # an id keeps its precision, which decides whether it is exact
        native = values.astype(np.float64 if kind == "angle" else values.dtype.newbyteorder("="))
        return pd.Series(np.where(gaps, native.dtype.type("nan"), native))
    if kind in ("any", "angle") and values.dtype.kind in "iub":
        return _whole_numbers(values, gaps, kind)
    words = pd.Series([_word(value) for value in values.tolist()], dtype="str")
    if kind == "text" and (damaged := words[words.str.contains(r"[\x00-\x08\x0e-\x1f\ufffd]")]).size:
        problem = f"{path.name}, row {damaged.index[0] + 1}, column {column.name!r} holds bytes that are no text"
        raise InputError(problem, "Text in ASCII or UTF-8", _REMEDY)
    words = words.mask(gaps | (words == "").to_numpy())
    if kind == "angle":
        return delimited.angles(words)
    return delimited.inferred(words) if kind == "any" and values.dtype.kind == "O" else words


def _whole_numbers(values: NDArray[Any], gaps: NDArray[np.bool_], kind: ColumnType) -> pd.Series[Any]:
    if kind == "angle" or (
        gaps.any() and (values.dtype.kind == "b" or np.abs(values.astype(np.float64)).max() < 2**53)
    ):
        return pd.Series(np.where(gaps, np.nan, values.astype(np.float64)))
    if gaps.any():
        return pd.Series([str(value) for value in values.tolist()], dtype="str").mask(gaps)
    return pd.Series(values.astype(values.dtype.newbyteorder("=")))


def _numbers(values: NDArray[Any], gaps: NDArray[np.bool_], name: str, path: Path) -> NDArray[np.float64]:
    if values.dtype.kind in "SUO":
        words = pd.Series([_word(value) for value in values.tolist()], dtype="str")
        numbers = pd.to_numeric(words, errors="coerce")
        wrong = np.flatnonzero(numbers.isna() & ~words.str.lower().isin(delimited.MISSING) & ~gaps)
        if wrong.size:
            problem = f"{path.name}, row {wrong[0] + 1}, column {name!r}: {words[wrong[0]]!r}"
            raise InputError(problem, "A number was expected", "Leave the field empty where the value is unknown.")
        values = numbers.to_numpy()
    return np.where(gaps, np.nan, values.astype(np.float64))


def _word(value: object) -> str:
    return value.decode("utf-8", "replace").strip() if isinstance(value, bytes) else str(value).strip()
