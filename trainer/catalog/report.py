"""Reports of reading, joining and labelling a table: counts, examples and decisions as text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gz2interp.errors import choices

__all__ = ["CatalogReport", "JoinReport", "LabelReport", "ReportCount"]

_EXAMPLES = 5


@dataclass(frozen=True)
class ReportCount:
    """A count, with the first few items as examples."""

    number: int = 0
    examples: tuple[str, ...] = ()

    @classmethod
    def of(cls, things: Iterable[str]) -> ReportCount:
        """Count items and keep the first five as examples."""
        listed = list(things)
        return cls(len(listed), tuple(listed[:_EXAMPLES]))

    def line(self, words: str) -> str:
        """``"4 duplicates dropped (588..., 587..., ...)"``."""
        if not self.examples:
            return f"{self.number:,} {words}"
        more = ", ..." if self.number > len(self.examples) else ""
        return f"{self.number:,} {words} ({'; '.join(self.examples)}{more})"


@dataclass(frozen=True)
class LabelReport:
    """Result of a label scheme.

    Attributes
    ----------
    counts : mapping
        Labelled galaxies by class.
    fits : mapping
        Galaxies that meet the thresholds of each class, including those that meet several; empty for schemes in which
        classes exclude each other.
    why_not : mapping
        Galaxies without a label, by reason.
    """

    scheme: str
    counts: Mapping[str, int]
    fits: Mapping[str, int] = field(default_factory=dict)
    why_not: Mapping[str, int] = field(default_factory=dict)

    def lines(self) -> list[str]:
        """The report as lines of text."""
        lines = [f"Labels by {self.scheme}: {_listed(self.counts)} ({sum(self.counts.values()):,} galaxies)"]
        if self.fits:
            lines.append(f"  including galaxies that fit several classes: {_listed(self.fits)}")
        return lines + [f"  {number:,} without a label: {reason}" for reason, number in self.why_not.items() if number]


@dataclass(frozen=True)
class JoinReport:
    """Result of a join with another table.

    Attributes
    ----------
    on : str
        ``"id"`` or ``"position"``.
    matched, galaxies : int
        Matched galaxies, and all galaxies.
    ambiguous : int
        Galaxies with several matches, of which the nearest was taken, or the first with that id.
    added : tuple of str
        New columns.
    not_overwritten : tuple of str
        Columns of the other table that the catalogue already had.
    """

    file: str
    on: str
    matched: int
    galaxies: int
    ambiguous: int
    added: tuple[str, ...]
    not_overwritten: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """The report as lines of text."""
        matched = f"{self.matched:,} of {self.galaxies:,} galaxies matched"
        lines = [f"Joined {self.file} by {self.on}: {matched}; added {choices(self.added)}"]
        if self.ambiguous:
            taken = "first" if self.on == "id" else "nearest"
            lines.append(f"  {self.ambiguous:,} galaxies had several matches; the {taken} was taken")
        if self.not_overwritten:
            lines.append(f"  already in the catalogue, not overwritten: {choices(self.not_overwritten)}")
        return lines


@dataclass(frozen=True)
class CatalogReport:
    """Report of `trainer.catalog.read_catalog`.

    Attributes
    ----------
    format, kind : str
        Format of the file, and description of the table.
    rows, galaxies : int
        Rows in the file, and galaxies that remain.
    notes : tuple of str
        Decisions about columns.
    left_out : tuple of str
        Columns of the file that were not read.
    user_columns : tuple of str
        Columns of the file outside the schema, which are kept.
    unidentified, unplaced, duplicates : ReportCount
        Dropped rows: without an id; without a valid position; duplicates.
    renamed : ReportCount
        Rows with the id of a galaxy elsewhere, replaced by an id derived from the position.
    pairs : ReportCount
        Pairs closer than 2 arcsec, which are kept.
    blanked : int
        Values of -9999 replaced with NaN.
    classified : int
        Galaxies with a valid gz2class.
    unknown_classes : ReportCount
        Galaxies with an invalid gz2class, and these strings.
    """

    path: Path
    format: str
    kind: str
    rows: int
    galaxies: int
    notes: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    user_columns: tuple[str, ...] = ()
    unidentified: ReportCount = field(default_factory=ReportCount)
    unplaced: ReportCount = field(default_factory=ReportCount)
    duplicates: ReportCount = field(default_factory=ReportCount)
    renamed: ReportCount = field(default_factory=ReportCount)
    pairs: ReportCount = field(default_factory=ReportCount)
    blanked: int = 0
    classified: int = 0
    unknown_classes: ReportCount = field(default_factory=ReportCount)
    labels: LabelReport | None = None
    joins: tuple[JoinReport, ...] = ()

    def lines(self) -> list[str]:
        """The report as lines of text."""
        lines = [
            f"{self.path.name} ({self.format}) is {self.kind}: {self.rows:,} rows, {self.galaxies:,} galaxies",
            *(f"  {note}" for note in self.notes),
        ]
        counts = (
            (self.unidentified, "rows dropped: no id"),
            (self.unplaced, "rows dropped: no position on the sphere"),
            (self.duplicates, "rows dropped: duplicate galaxies"),
            (
                self.renamed,
                "rows have the id of a galaxy more than 5 arcsec away: new ids are derived from positions",
            ),
            (self.pairs, "pairs within 2 arcsec, kept"),
            (self.unknown_classes, "galaxies with a gz2class that is not in the grammar"),
        )
        lines += [f"  {count.line(words)}" for count, words in counts if count.number]
        if self.blanked:
            lines.append(f"  {self.blanked:,} values of -9999 read as unknown")
        if self.classified:
            lines.append(f"  {self.classified:,} galaxies with a gz2class")
        if self.user_columns:
            lines.append(f"  other columns, kept as they are: {choices(self.user_columns)}")
        if self.left_out:
            lines.append(f"  left out: {choices(self.left_out)}")
        reports: list[JoinReport | LabelReport] = [*self.joins, *([self.labels] if self.labels else [])]
        return lines + [line for report in reports for line in report.lines()]


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {number:,}" for name, number in counts.items()) or "none"
