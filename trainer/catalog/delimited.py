"""Tables of text: CSV and its kin, quickly where they are sound, and telling line and column where they are not."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path
from typing import IO, Any, Final, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import csv as pa_csv

from gz2interp.errors import InputError

__all__ = ["ARROW_TYPES", "MISSING", "NUMPY_TYPES", "SEXAGESIMAL", "ColumnType", "Sheet", "inferred", "open_sheet", "read"]

ColumnType = Literal["text", "number", "vote", "angle", "any"]
"""Votes are kept in single precision: that is how Galaxy Zoo published them, and 220 columns of them weigh. An angle is a
number or sexagesimal text, and any is what all values of the column are."""

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
"""An angle of hours or degrees, minutes and seconds, as ``10:01:02.3``, ``10h01m02.3s``, ``-05 12 30`` or ``10:01.5``."""
MISSING: Final = ("", "nan", "null", "none", "n/a", "na", "--")
"""What stands in a field that is empty, in lower case."""

_SPELLINGS: Final = [spelling for word in MISSING for spelling in {word, word.upper(), word.capitalize(), "NaN"}]


@dataclass(frozen=True)
class Sheet:
    """Where a text table lies and how it is written.

    Attributes
    ----------
    path : Path
    opened : callable
        Opens the path for its unpacked bytes.
    columns : tuple of str
    delimiter : str
    heading : int
        Lines before the first row: comments, blank lines and the line of names.
    """

    path: Path
    opened: Callable[[Path], IO[bytes]]
    columns: tuple[str, ...]
    delimiter: str
    heading: int

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Line number in the file and fields of each row, one by one: slow and exact.

        Raises
        ------
        InputError
            A quoted value goes on beyond its line: one quote that nobody closes would swallow the galaxies behind it.
        """
        with self.opened(self.path) as file:
            text = TextIOWrapper(file, encoding="utf-8", errors="replace", newline="")
            for _ in range(self.heading):
                text.readline()
            reader, line = csv.reader(text, delimiter=self.delimiter), 0
            try:
                for line, fields in enumerate(reader, 1):
                    if reader.line_num > line:
                        raise _line_break(self.path, self.heading + line, self.heading + reader.line_num)
                    if fields:
                        yield self.heading + line, fields
            except csv.Error:  # a value that swallows all that follows is too long for the reader
                if reader.line_num > line + 1:
                    raise _line_break(self.path, self.heading + line + 1, self.heading + reader.line_num) from None
                raise


def open_sheet(path: Path, opened: Callable[[Path], IO[bytes]]) -> Sheet:
    """Find the line of names, below comments (SkyServer writes ``#Table1``) and blank lines, and its delimiter."""
    try:
        with opened(path) as file:
            lines = TextIOWrapper(file, encoding="utf-8-sig", errors="replace")
            heading, line = next(
                (number, line) for number, line in enumerate(lines, 1) if line.strip() and not line.startswith("#")
            )
    except StopIteration:
        raise InputError(f"{path.name} is empty", "a line of column names, then one line per galaxy") from None
    except (OSError, EOFError) as error:
        raise _cut_short(path, error) from error
    delimiter = max(",\t;|", key=line.count)
    columns = tuple(name.strip() for name in next(csv.reader([line], delimiter=delimiter)))
    twice = sorted({name for name in columns if columns.count(name) > 1})
    if twice:
        raise InputError(
            f"{path.name}, line {heading} names {', '.join(map(repr, twice))} more than once", "each name once"
        )
    return Sheet(path, opened, columns, delimiter, heading)


def read(sheet: Sheet, types: dict[str, ColumnType]) -> pd.DataFrame:
    """The wanted columns of a sheet.

    Raises
    ------
    InputError
        Says the line, the column, the offending text and what was expected.
    """
    try:
        return _read_arrow(sheet, types)
    except (pa.ArrowException, OSError, EOFError) as error:
        _raise_first_fault(sheet, types, error)
    # Sound, but in a spelling that Arrow does not know, such as a declination of "+15.6".
    texts = _read_arrow(sheet, dict.fromkeys(types, "text"))
    return pd.DataFrame({name: _converted(texts[name], kind) for name, kind in types.items()})


@dataclass
class _Counted:
    """A file whose lines are counted as they are read."""

    file: IO[bytes]
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


def _read_arrow(sheet: Sheet, types: dict[str, ColumnType]) -> pd.DataFrame:
    with sheet.opened(sheet.path) as file:
        counted = _Counted(file)
        table = pa_csv.read_csv(
            counted,
            read_options=pa_csv.ReadOptions(column_names=list(sheet.columns), skip_rows=sheet.heading),
            parse_options=pa_csv.ParseOptions(delimiter=sheet.delimiter),
            convert_options=pa_csv.ConvertOptions(
                include_columns=list(types),
                column_types={name: ARROW_TYPES[kind] for name, kind in types.items()},
                null_values=_SPELLINGS,
                strings_can_be_null=True,
            ),
        )
    if table.num_rows != counted.lines - sheet.heading:  # blank lines, or a value that goes on beyond its own
        _refuse_line_breaks(sheet)
    frame: pd.DataFrame = table.to_pandas()
    return frame


def _refuse_line_breaks(sheet: Sheet) -> None:
    with suppress(csv.Error):  # longer than the csv module allows, and still on one line
        for _ in sheet.rows():
            pass


def _raise_first_fault(sheet: Sheet, types: dict[str, ColumnType], error: Exception) -> None:
    wanted = [(sheet.columns.index(name), name, kind) for name, kind in types.items()]
    try:
        for line, fields in sheet.rows():
            if len(fields) != len(sheet.columns):
                raise _ragged(sheet, line, fields)
            for place, name, kind in wanted:
                _check_field(sheet.path.name, line, name, kind, fields[place])
    except (OSError, EOFError, csv.Error):
        raise _cut_short(sheet.path, error) from error


def _cut_short(path: Path, error: Exception) -> InputError:
    return InputError(
        f"{path.name} cannot be read to its end: {error}",
        "a whole file",
        "If it was downloaded, it may be cut short: fetch it again and compare its size.",
    )


def _line_break(path: Path, first: int, last: int) -> InputError:
    return InputError(
        f"{path.name}, line {first}: a quoted value goes on to line {last}",
        "Each galaxy on a line of its own",
        "Look for a quote that is never closed, or take the line breaks out of the values.",
    )


def _check_field(file: str, line: int, name: str, kind: ColumnType, text: str) -> None:
    place = f"{file}, line {line}, column {name!r}"
    if "\ufffd" in text:
        raise InputError(f"{place}: {text!r} holds bytes that are not UTF-8", "UTF-8 text", "Save the table as UTF-8.")
    if kind != "text" and not _is_number(text):
        raise InputError(
            f"{place}: {text!r}", "A number was expected", "Correct it, or leave it empty where it is unknown."
        )


def _is_number(text: str) -> bool:
    if text.strip().lower() in MISSING:
        return True
    try:
        float(text)
    except ValueError:
        return False
    return "_" not in text


def _ragged(sheet: Sheet, line: int, fields: list[str]) -> InputError:
    return InputError(
        f"{sheet.path.name}, line {line} has {len(fields)} fields; it begins {', '.join(fields)[:60]!r}",
        f"{len(sheet.columns)} fields were expected, as in the line of names (line {sheet.heading})",
        "A last line cut short means an unfinished download; elsewhere look for a stray delimiter or quote.",
    )


def _converted(texts: pd.Series[Any], kind: ColumnType) -> pd.Series[Any]:
    if kind == "text":
        return texts
    words = texts.str.strip()
    return words.mask(words.str.lower().isin(MISSING)).astype(NUMPY_TYPES[kind])
