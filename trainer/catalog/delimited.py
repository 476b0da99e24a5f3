"""Reading of delimited text tables with Arrow, and row by row to locate errors by line and column."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from io import TextIOWrapper
from pathlib import Path
from typing import IO, Any, Final, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import csv as pa_csv

from gz2interp.errors import InputError
from gz2interp.stores.reading import DamagedFile

__all__ = [
    "ARROW_TYPES",
    "MISSING",
    "NUMPY_TYPES",
    "SEXAGESIMAL",
    "ColumnType",
    "TextTable",
    "angles",
    "inferred",
    "is_float",
    "open_sheet",
    "read",
]

ColumnType = Literal["text", "number", "vote", "angle", "any"]
"""Votes are single precision, as published by Galaxy Zoo. An angle is a number or sexagesimal text; "any" is a number
if all values of the column are, else text."""

ARROW_TYPES: Final = {
    "text": pa.string(),
    "number": pa.float64(),
    "vote": pa.float32(),
    "angle": pa.float64(),
    "any": pa.string(),
}
NUMPY_TYPES: Final = {"number": np.float64, "vote": np.float32, "angle": np.float64}
SEXAGESIMAL: Final = re.compile(
    r"^(?P<sign>[+\-\u2212]?)\s*(?P<whole>\d{1,3})\s*(?P<mark>[:hHdD\u00b0]|\s)\s*(?P<m>\d{1,2}(?:\.\d+)?)"
    r"\s*(?:[:mM'\u2032]|\s|$)\s*(?:(?P<s>\d{1,2}(?:\.\d*)?)\s*(?:[sS\"\u2033]|'')?)?$"
)
"""An angle in hours or degrees, minutes and seconds: ``10:01:02.3``, ``10h01m02.3s``, ``-05 12 30`` or ``10:01.5``."""
_KNOWN_NAME: Final = re.compile(r"_?(?:ra|de|gl|file|class|label|.*id$)", re.IGNORECASE)
"""Fields that identify a line of column names, even if other fields are numbers."""
_ANGLE_UNITS: Final = {"deg", "degree", "degrees", "rad", "radian", "hour", "hours", "h:m:s", "d:m:s", "arcsec", "hms"}
_MAX_LINE: Final = 1 << 24
MISSING: Final = ("", "nan", "null", "none", "n/a", "na", "--")
"""Markers of missing values, in lower case."""

_SPELLINGS: Final = [spelling for word in MISSING for spelling in {word, word.upper(), word.capitalize(), "NaN"}]


@dataclass(frozen=True)
class TextTable:
    """Layout of a text table.

    Attributes
    ----------
    opened : callable
        Opens the path for its decompressed bytes.
    delimiter : str
        A blank stands for any number of blanks and tabs.
    heading : int
        Lines before the first row: comments, blank lines, names, units and a ruler of dashes.
    units : dict
        Units by column, from a line below the names.
    """

    path: Path
    opened: Callable[[Path], IO[bytes]]
    columns: tuple[str, ...]
    delimiter: str
    heading: int
    units: dict[str, str] = field(default_factory=dict)

    def is_comment(self, fields: list[str]) -> bool:
        """Whether the fields are a comment, such as ``#END#``, the last line of a VizieR table."""
        return fields[0].startswith("#") and len(fields) != len(self.columns)

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Iterate over the line number and fields of each row.

        Raises
        ------
        InputError
            A quoted value continues on the next line: an unclosed quote would swallow the rows that follow.
        """
        with self.opened(self.path) as file:
            text = _lines(file, "utf-8", "")
            for _ in range(self.heading):
                next(text, "")
            blanks = self.delimiter == " "
            lines = (_plain_blanks(line) for line in text) if blanks else text
            reader, line = csv.reader(lines, delimiter=self.delimiter, skipinitialspace=blanks), 0
            try:
                for line, fields in enumerate(reader, 1):
                    if reader.line_num > line:
                        raise _line_break(self.path, self.heading + line, self.heading + reader.line_num)
                    if fields and not self.is_comment(fields):
                        yield self.heading + line, fields
            except csv.Error:  # a value with all following rows exceeds the limit of the reader
                if reader.line_num > line + 1:
                    raise _line_break(self.path, self.heading + line + 1, self.heading + reader.line_num) from None
                raise


def open_sheet(path: Path, opened: Callable[[Path], IO[bytes]]) -> TextTable:
    """Find the line of names and its delimiter.

    Names follow comments (SkyServer writes ``#Table1``) and blank lines, or are in the last comment if the first other
    line holds numbers. A line of units and a ruler of dashes, as written by VizieR, may follow.
    """
    heads = list[tuple[int, str]]()
    with opened(path) as file:
        lines = _lines(file, "utf-8-sig")
        comment, plain = "", 0
        for number, line in enumerate(lines, 1):
            if line.startswith("#") and not plain:
                comment = line.lstrip("# \t") if line.lstrip("# \t\r\n") else comment
            elif line.strip():
                heads.append((number, line.rstrip("\r\n")))
                plain += 1
            if plain == 3:
                break
    if not heads:
        raise InputError(f"{path.name} is empty", "a line of column names, then one line per galaxy")
    heading, first = heads[0]
    delimiter = _delimiter(first)
    names = _fields(first, delimiter)
    below = [_fields(line, delimiter) for _, line in heads[1:]]
    if any(map(_is_plain_number, names)) and not any(map(_KNOWN_NAME.match, names)):
        return _named_by_comment(path, opened, comment, heading, first)
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(
            f"{path.name}, line {heading} names {', '.join(map(repr, twice))} more than once", "each name once"
        )
    skipped = _unit_lines(below)
    units = (
        dict(zip(names, below[0], strict=True)) if skipped == 2 or (skipped == 1 and not _is_ruler(below[0])) else {}
    )
    return TextTable(path, opened, tuple(names), delimiter, heads[skipped][0], units)


def _lines(file: IO[bytes], encoding: str, newline: str | None = None) -> Iterator[str]:
    """Iterate over lines, with a limit on their length to bound the memory."""
    text = TextIOWrapper(file, encoding=encoding, errors="replace", newline=newline)
    while line := text.readline(_MAX_LINE + 1):
        if len(line) > _MAX_LINE:
            raise DamagedFile(f"it has a line of more than {_MAX_LINE:,} characters")
        yield line


def _named_by_comment(
    path: Path, opened: Callable[[Path], IO[bytes]], comment: str, line: int, first: str
) -> TextTable:
    """Layout of a table whose column names are in a comment above its first row."""
    delimiter = _delimiter(comment) if _delimiter(comment) == _delimiter(first) else _delimiter(first)
    names, values = _fields(comment.strip(), delimiter), _fields(first, delimiter)
    if len(names) != len(values) or len(set(names)) != len(names):
        raise InputError(
            f"{path.name}, line {line} holds numbers where the names of the columns were expected",
            "a line of names, or a comment with as many names as there are columns",
            "Write one above the first row.",
        )
    return TextTable(path, opened, tuple(names), delimiter, line - 1)


def _delimiter(line: str) -> str:
    best = max(",\t;|", key=line.count)
    return " " if best not in line and " " in line.strip() else best


def _fields(line: str, delimiter: str) -> list[str]:
    blanks = delimiter == " "
    text = _plain_blanks(line) if blanks else line
    return [name.strip() for name in next(csv.reader([text], delimiter=delimiter, skipinitialspace=blanks), [])]


def _plain_blanks(line: str) -> str:
    return line.replace("\t", " ").strip()


def _is_plain_number(text: str) -> bool:
    return bool(text) and _is_number(text) and text.lower() not in MISSING


def _unit_lines(below: list[list[str]]) -> int:
    """Number of lines below the names that hold units or a ruler of dashes."""
    if below and _is_ruler(below[0]):
        return 1
    if len(below) > 1 and _is_ruler(below[1]) and len(below[0]) == len(below[1]):
        return 2
    words = {word.strip("[]()\"'").lower() for word in below[0]} if below else set()
    return 1 if words & _ANGLE_UNITS and not any(map(_is_plain_number, below[0])) else 0


def _is_ruler(fields: list[str]) -> bool:
    return bool(fields) and all(re.fullmatch(r"[-=]+", text) for text in fields)


def read(sheet: TextTable, types: dict[str, ColumnType]) -> pd.DataFrame:
    """Read columns of a text table.

    Raises
    ------
    InputError
        With the line, the column, the invalid text and the expected type.
    """
    if sheet.delimiter == " ":
        return _read_rows(sheet, types)
    try:
        frame = _read_arrow(sheet, types)
    except (pa.ArrowException, OSError, EOFError) as error:
        if "Could not skip" in str(error):
            raise _no_rows(sheet) from error
        _raise_first_fault(sheet, types, error)
        # Valid, but with comments, or in a format that Arrow rejects, such as a declination of "+15.6".
        frame = _read_arrow(sheet, dict.fromkeys(types, "text"), comments=True)
    if frame.empty:
        raise _no_rows(sheet)
    texts = {name: kind for name, kind in types.items() if kind != "text" and frame[name].dtype == "str"}
    return frame.assign(**{name: _convert(frame[name], kind) for name, kind in texts.items()})


def _read_rows(sheet: TextTable, types: dict[str, ColumnType]) -> pd.DataFrame:
    """Read columns separated by blanks, line by line."""
    columns = [(sheet.columns.index(name), name, kind) for name, kind in types.items()]
    values: list[list[str]] = [[] for _ in columns]
    for line, fields in sheet.rows():
        if fields[0].startswith("#"):
            continue
        if len(fields) != len(sheet.columns):
            raise _ragged(sheet, line, fields)
        for column, (place, name, kind) in zip(values, columns, strict=True):
            _check_field(sheet.path.name, line, name, kind, fields[place])
            column.append(fields[place])
    if not values or not values[0]:
        raise _no_rows(sheet)
    texts = (pd.Series(column, dtype="str") for column in values)
    return pd.DataFrame(
        {
            name: _convert(text.mask(text.str.lower().isin(MISSING)), kind)
            for text, (_, name, kind) in zip(texts, columns, strict=True)
        }
    )


def inferred(texts: pd.Series[Any]) -> pd.Series[Any]:
    """Convert a column to numbers if all its values are numbers exact in floating point; text otherwise.

    Whole numbers with 16 digits or more, or with leading zeros, are identifiers and stay text.
    """
    if not isinstance(texts.dtype, pd.StringDtype):
        return texts
    words = texts.str.strip()
    values = words.mask(words.str.lower().isin(MISSING))
    if values.str.fullmatch(r"[+-]?(?:\d{16,}|0\d+)").any():
        return values
    try:
        numbers = pd.to_numeric(values)
    except (ValueError, TypeError):
        return values
    return numbers.astype(np.float64) if pd.api.types.is_numeric_dtype(numbers) else values


def angles(texts: pd.Series[Any]) -> pd.Series[Any]:
    """Convert a column to numbers if all its values are; otherwise text, which may be sexagesimal."""
    if not isinstance(texts.dtype, pd.StringDtype):
        return texts
    words = texts.str.strip()
    values = words.mask(words.str.lower().isin(MISSING))
    try:
        return values.astype(np.float64)
    except (ValueError, TypeError):
        return values


@dataclass
class _LineCounter:
    """A file object that counts its lines."""

    file: IO[bytes] | _WithoutComments
    breaks: int = 0
    end: bytes = b"\n"

    @property
    def closed(self) -> bool:
        return self.file.closed

    @property
    def lines(self) -> int:
        return self.breaks + (self.end != b"\n")

    def read(self, size: int = -1) -> bytes:
        part = self.file.read(size)
        self.breaks, self.end = self.breaks + part.count(b"\n"), part[-1:] or self.end
        return part


@dataclass
class _WithoutComments:
    """A file object that starts at the first row and skips comments."""

    file: IO[bytes]
    sheet: TextTable

    def __post_init__(self) -> None:
        for _ in range(self.sheet.heading):
            self.file.readline()

    @property
    def closed(self) -> bool:
        return self.file.closed

    def read(self, size: int = -1) -> bytes:
        while lines := self.file.readlines(size):
            if rows := b"".join(line for line in lines if not self._is_comment(line)):
                return rows
        return b""

    def _is_comment(self, line: bytes) -> bool:
        return line.startswith(b"#") and self.sheet.is_comment(
            _fields(line.decode("utf-8", "replace"), self.sheet.delimiter)
        )


def _read_arrow(sheet: TextTable, types: dict[str, ColumnType], *, comments: bool = False) -> pd.DataFrame:
    with sheet.opened(sheet.path) as file:
        counted = _LineCounter(_WithoutComments(file, sheet) if comments else file)
        heading = 0 if comments else sheet.heading
        table = pa_csv.read_csv(
            counted,
            read_options=pa_csv.ReadOptions(column_names=list(sheet.columns), skip_rows=heading),
            parse_options=pa_csv.ParseOptions(delimiter=sheet.delimiter),
            convert_options=pa_csv.ConvertOptions(
                include_columns=list(types),
                column_types={name: ARROW_TYPES[kind] for name, kind in types.items()},
                null_values=_SPELLINGS,
                strings_can_be_null=True,
            ),
        )
    if comments or table.num_rows != counted.lines - sheet.heading:  # blank lines, or a value that spans several lines
        _refuse_line_breaks(sheet)
    frame: pd.DataFrame = table.to_pandas()
    return frame


def _refuse_line_breaks(sheet: TextTable) -> None:
    with suppress(csv.Error):  # a value longer than the limit of csv, but on one line
        for _ in sheet.rows():
            pass


def _raise_first_fault(sheet: TextTable, types: dict[str, ColumnType], error: Exception) -> None:
    columns = [(sheet.columns.index(name), name, kind) for name, kind in types.items()]
    try:
        for line, fields in sheet.rows():
            if len(fields) != len(sheet.columns):
                raise _ragged(sheet, line, fields)
            for place, name, kind in columns:
                _check_field(sheet.path.name, line, name, kind, fields[place])
    except (OSError, EOFError, csv.Error):
        raise _cut_short(sheet.path, error) from error


def _no_rows(sheet: TextTable) -> InputError:
    return InputError(
        f"{sheet.path.name} holds a line of names and no row",
        "one line per galaxy",
        "If it was downloaded, it may be cut short: fetch it again.",
    )


def _cut_short(path: Path, error: Exception) -> InputError:
    return InputError(
        f"{path.name} cannot be read to its end: {error}",
        "a whole file",
        "If it was downloaded, it may be cut short: fetch it again and compare its size.",
    )


def _line_break(path: Path, first: int, last: int) -> InputError:
    return InputError(
        f"{path.name}, line {first}: a quoted value continues to line {last}",
        "Each galaxy on a line of its own",
        "Look for a quote that is never closed, or take the line breaks out of the values.",
    )


def _check_field(file: str, line: int, name: str, kind: ColumnType, text: str) -> None:
    place = f"{file}, line {line}, column {name!r}"
    if "\ufffd" in text:
        raise InputError(f"{place}: {text!r} holds bytes that are not UTF-8", "UTF-8 text", "Save the table as UTF-8.")
    if kind in ("text", "any") or _is_number(text) or (kind == "angle" and SEXAGESIMAL.match(text.strip())):
        return
    remedy = "Correct it, or leave it empty where it is unknown."
    if re.fullmatch(r"[+-]?\d+,\d+", text.strip()):
        remedy = "Write decimals with a point, not with a comma."
    raise InputError(f"{place}: {text!r}", "A number was expected", remedy)


def _is_number(text: str) -> bool:
    return text.strip().lower() in MISSING or is_float(text)


def is_float(text: str) -> bool:
    """Whether a text is a number; Python's underscores between digits are not allowed."""
    try:
        float(text)
    except ValueError:
        return False
    return "_" not in text


def _ragged(sheet: TextTable, line: int, fields: list[str]) -> InputError:
    return InputError(
        f"{sheet.path.name}, line {line} has {len(fields)} fields; it begins {', '.join(fields)[:60]!r}",
        f"{len(sheet.columns)} fields were expected, as in the line of names (line {sheet.heading})",
        "A truncated last line means an incomplete download; elsewhere look for a stray delimiter or quote.",
    )


def _convert(texts: pd.Series[Any], kind: ColumnType) -> pd.Series[Any]:
    if kind == "any":
        return inferred(texts)
    if kind == "text" or not isinstance(texts.dtype, pd.StringDtype):
        return texts
    if kind == "angle":
        return angles(texts)
    words = texts.str.strip()
    return words.mask(words.str.lower().isin(MISSING)).astype(NUMPY_TYPES[kind])
