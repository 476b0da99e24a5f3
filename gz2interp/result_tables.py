"""Tables that verbs print: formatted on a terminal, tab-separated in a pipe, as JSON or to a file on request.

A verb has the decorator `table_options`, and prints with `TableOutput.show`.
"""

from __future__ import annotations

import functools
import inspect
import json
import math
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, get_type_hints

import typer
from rich.table import Table
from rich.text import Text

from gz2interp.console import console_width, reserve_stdout, say, write_lines
from gz2interp.errors import InputError, choices
from gz2interp.schema import DEC, GALAXY_ID, RA

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["OverwriteOption", "ResultTable", "TableOutput", "check_free", "files_of_figure", "table_options"]

OverwriteOption = Annotated[
    bool, typer.Option("--overwrite", help="Replace files that exist; without it they are left, and nothing is done.")
]
_JsonOption = Annotated[
    bool, typer.Option("--json", help="Print the table as JSON, a record a row, and nothing else on standard output.")
]
_SexagesimalOption = Annotated[
    bool, typer.Option("--sexagesimal", help="Right ascension as hh:mm:ss.sssss and declination as dd:mm:ss.ssss.")
]

_FIGURE_SUFFIXES: Final = (".pdf", ".svg", ".png")
_BESIDE_A_FIGURE: Final = (".txt", ".csv", ".fits")
_NARROWEST_TEXT: Final = 12
_EXACT_IN_JSON: Final = 2**53
"""JavaScript and jq read JSON's numbers as double precision: larger whole numbers are written as strings."""


@dataclass(frozen=True, eq=False)
class ResultTable:
    """A table that a verb prints.

    Attributes
    ----------
    rows : DataFrame
        All numbers, for pipes, JSON and files.
    drawn : mapping of str to DataFrame, optional
        Tables for a terminal instead, by title: fewer columns, or numbers as texts with their errors.
    notes : sequence of str
        Sentences that follow the table.
    """

    title: str
    rows: pd.DataFrame
    drawn: Mapping[str, pd.DataFrame] | None = None
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class TableOutput:
    """Output of a verb's table, by its options.

    Attributes
    ----------
    as_json : bool
        Rows go to the standard output as JSON, and all other lines to the standard error.
    file, figure : Path, optional
        The file of ``--out``, by its suffix.
    sexagesimal : bool
        Coordinates are written as texts, in hours and degrees.
    overwrite : bool
        Files that exist are replaced.
    """

    as_json: bool = False
    file: Path | None = None
    figure: Path | None = None
    sexagesimal: bool = False
    overwrite: bool = False

    def show(self, table: ResultTable, file_rows: pd.DataFrame | None = None) -> None:
        """Print a table, and write it to the file of ``--out``: `file_rows`, if the file has more than is printed."""
        rows = self._with_coordinates(table.rows)
        if self.as_json:
            sys.stdout.write(_json(rows))
            for sentence in (table.title, *table.notes):
                say(sentence)
        elif sys.stdout.isatty():
            for title, frame in ({table.title: rows} if table.drawn is None else table.drawn).items():
                say(_terminal_table(title, self._with_coordinates(frame)))
            for sentence in table.notes:
                say(sentence)
        else:
            write_lines(_lines(table.title, rows, table.notes))
        if self.file is not None:
            self.write(table.rows if file_rows is None else file_rows)

    def show_record(self, record: Mapping[str, Any]) -> None:
        """Print a record that is no table, with ``--json``."""
        if self.as_json:
            sys.stdout.write(json.dumps(record, ensure_ascii=False, indent=2) + "\n")

    def write(self, rows: pd.DataFrame) -> None:
        """Write rows to the file of ``--out``, and print its path."""
        from gz2interp.stores.tables import write_table

        if self.file is not None:
            write_table(self.file, self._with_coordinates(rows))
            say(f"{self.file}: {len(rows):,} rows")

    def show_blocks(self, blocks: Iterable[pd.DataFrame], title: str) -> None:
        """Write a long table block by block: to the file of ``--out``, and with ``--json`` to the standard output."""
        blocks = self._print_json(blocks) if self.as_json else blocks
        if self.file is None:
            count = sum(len(block) for block in blocks)
        else:
            from gz2interp.stores.tables import write_table_of_blocks

            count = write_table_of_blocks(self.file, blocks)
        say(f"{self.file or title}: {count:,} rows")

    def needs_target(self, what: str) -> None:
        """Refuse, before any work, a table too long for a terminal.

        Raises
        ------
        InputError
            Neither ``--out`` nor ``--json`` was given.
        """
        if self.file is None and not self.as_json:
            raise InputError(f"{what} without --out or --json", "--out FILE or --json, since there is a row per galaxy")

    def _print_json(self, blocks: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        start = "[\n"
        for block in blocks:
            for record in _records(block):
                sys.stdout.write(start + record)
                start = ",\n"
            yield block
        sys.stdout.write("[]\n" if start == "[\n" else "\n]\n")

    def _with_coordinates(self, rows: pd.DataFrame) -> pd.DataFrame:
        if not self.sexagesimal:
            return rows
        from gz2interp.sky import sexagesimal

        texts = {name: sexagesimal(rows[name].to_numpy(float), hours=name == RA) for name in (RA, DEC) if name in rows}
        return rows.assign(**texts)


def check_free(paths: Iterable[Path], overwrite: bool) -> None:
    """Refuse to replace files without ``--overwrite``.

    Raises
    ------
    InputError
        One of them exists, and `overwrite` is not set.
    """
    existing = [path for path in paths if path.exists()]
    if existing and not overwrite:
        verb = "exists" if len(existing) == 1 else "exist"
        raise InputError(
            f"{choices(existing, most=4)} {verb} already, and would be replaced",
            remedy="Name another file with --out, or add --overwrite",
        )


def files_of_figure(path: Path) -> list[Path]:
    """The files of a figure: itself, its caption, numbers and maps."""
    return [path, *(path.with_suffix(suffix) for suffix in _BESIDE_A_FIGURE)]


def table_options(
    what: str = "", *, figures: bool = False, positions: bool = False, json_only: bool = False
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a verb ``--json``, ``--out`` and ``--overwrite``, which reach it as its argument ``output``.

    Parameters
    ----------
    what : str
        What ``--out`` writes, if it is not what is printed.
    figures : bool
        ``--out`` may also name a figure.
    positions : bool
        The table has ra and dec: add ``--sexagesimal``.
    json_only : bool
        Add ``--json`` alone: the verb has an ``--out`` of its own.

    Notes
    -----
    The name in ``--out`` is checked before the verb begins, which may take hours.
    """
    words = f"{what or 'the table'}: .csv, .ecsv, .parquet, .fits or .vot"
    words += "; or a figure: .pdf, .svg or .png." if figures else "."
    out = Annotated[Path | None, typer.Option("--out", "-o", help=f"Also write {words}")]
    options: dict[str, tuple[Any, Any]] = {
        "out": (out, None),
        "as_json": (_JsonOption, False),
        **({"sexagesimal": (_SexagesimalOption, False)} if positions else {}),
        "overwrite": (OverwriteOption, False),
    }
    options = {"as_json": options["as_json"]} if json_only else options

    def decorate(verb: Callable[..., None]) -> Callable[..., None]:
        hints, signature = get_type_hints(verb, include_extras=True), inspect.signature(verb)

        @functools.wraps(verb)
        def call(**arguments: Any) -> None:
            values = {name: arguments.pop(name) for name in options}
            verb(**arguments, output=_output(values, figures, arguments.get("progress") == "json"))

        parameters = [parameter.replace(annotation=hints[name]) for name, parameter in signature.parameters.items()]
        added = [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
            for name, (annotation, default) in options.items()
        ]
        call.__signature__ = signature.replace(  # type: ignore[attr-defined]
            parameters=[*(parameter for parameter in parameters if parameter.name != "output"), *added]
        )
        hints.pop("output")
        call.__annotations__ = hints | {name: annotation for name, (annotation, _) in options.items()}
        return call

    return decorate


def _output(options: Mapping[str, Any], figures: bool, progress_is_json: bool) -> TableOutput:
    """Check the options of a verb; with ``--json`` the standard output is reserved for the rows."""
    as_json, overwrite = options["as_json"], options.get("overwrite", False)
    if as_json and progress_is_json:
        raise InputError("--json and --progress json were given", "One of them: each needs the standard output alone")
    file, figure = _check_target(options.get("out"), figures, overwrite)
    if as_json:
        reserve_stdout()
    return TableOutput(as_json, file, figure, options.get("sexagesimal", False), overwrite)


def _check_target(out: Path | None, figures: bool, overwrite: bool) -> tuple[Path | None, Path | None]:
    """The file of ``--out`` as (table, figure), one of them None."""
    if out is None:
        return None, None
    from gz2interp.stores.tables import FORMATS

    suffix = out.suffix.lower()
    if figures and suffix in _FIGURE_SUFFIXES:
        check_free(files_of_figure(out), overwrite)
        return None, out
    if suffix not in FORMATS:
        allowed = [*FORMATS, *(_FIGURE_SUFFIXES if figures else ())]
        raise InputError(f"The file {out.name} was given with --out", f"The suffix may be {choices(allowed)}")
    check_free([out], overwrite)
    return out, None


def _lines(title: str, rows: pd.DataFrame, notes: Sequence[str]) -> list[str]:
    """Tab-separated lines; the title and the notes are comments."""
    columns = [[_cell(value) for value in _values(rows, name)] for name in rows.columns]
    cells = ["\t".join(row) for row in zip(*columns, strict=True)]
    comments = [f"# {line}" for note in notes for line in note.splitlines()]
    return [f"# {title}", "\t".join(map(str, rows.columns)), *cells, *comments]


def _cell(value: object) -> str:
    """A value with all its digits; tabs and line breaks within a text are replaced."""
    return "" if value is None else " ".join(str(value).split()) if isinstance(value, str) else str(value)


def _json(rows: pd.DataFrame) -> str:
    lines = ",\n".join(_records(rows))
    return f"[\n{lines}\n]\n" if lines else "[]\n"


def _records(rows: pd.DataFrame) -> Iterator[str]:
    columns = {str(name): [_json_value(str(name), value) for value in _values(rows, name)] for name in rows.columns}
    for row in zip(*columns.values(), strict=True):
        record = dict(zip(columns, row, strict=True))
        yield json.dumps(record, ensure_ascii=False, allow_nan=False, default=str)


def _json_value(column: str, value: Any) -> Any:
    """Ids as strings, and null for numbers that are not finite."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, int) and not isinstance(value, bool):
        is_id = column in (GALAXY_ID, "near", "nearest") or column.endswith("_id")
        return str(value) if is_id or abs(value) > _EXACT_IN_JSON else value
    return value


def _values(rows: pd.DataFrame, name: Any) -> list[Any]:
    """A column as Python values; None where missing, and single-precision numbers with their own digits."""
    import numpy as np
    import pandas as pd

    column = rows[name]
    if column.dtype in (np.float32, np.float16):
        return [float(str(value)) for value in column.to_numpy()]
    plain = [value.item() if isinstance(value, np.generic) else value for value in column.tolist()]
    return [None if value is pd.NA or value is pd.NaT else value for value in plain]


def _terminal_table(title: str, rows: pd.DataFrame) -> Table:
    """A table for a terminal; texts are wrapped to its width, numbers are not."""
    import pandas as pd

    table, needed = Table(title=title, title_justify="left"), 1
    cells = [[_short(name, value) for value in _values(rows, name)] for name in rows.columns]
    for name, texts in zip(rows.columns, cells, strict=True):
        numeric = pd.api.types.is_numeric_dtype(rows[name])
        longest = max(map(len, texts), default=0)
        least = longest if numeric else min(longest, _NARROWEST_TEXT)
        needed += least + 3
        table.add_column(str(name), justify="right" if numeric else "left", min_width=least, overflow="fold")
    for row in zip(*cells, strict=True):
        table.add_row(*map(Text, row))
    table.width = needed if needed > console_width() else None
    return table


def _short(column: object, value: object) -> str:
    """Four significant digits; all digits of coordinates."""
    if isinstance(value, float):
        return "" if value != value else str(value) if column in (RA, DEC) else f"{value:.4g}"
    return "" if value is None else str(value)
