"""What a reader found, decided and left out: counts with a few examples, and words for a person."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gz2interp.errors import choices

__all__ = ["CatalogReport", "JoinReport", "LabelReport", "ReportCount"]

_EXAMPLES = 5


@dataclass(frozen=True)
class ReportCount:
    """How many there were, and the first few of them.

    Attributes
    ----------
    number : int
    examples : tuple of str
        As many as are worth telling: of things counted, the first five.
    """

    number: int = 0
    examples: tuple[str, ...] = ()

    @classmethod
    def of(cls, things: Iterable[str]) -> ReportCount:
        """Count things, keeping the first five."""
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
    """How a label scheme went.

    Attributes
    ----------
    scheme : str
    counts : mapping
        Galaxies labelled, by class.
    fits : mapping
        Galaxies that meet each class's thresholds, those that also meet another's included; empty for schemes in which
        a galaxy cannot fit two classes.
    why_not : mapping
        Galaxies without a label, by reason in words.
    """

    scheme: str
    counts: Mapping[str, int]
    fits: Mapping[str, int] = field(default_factory=dict)
    why_not: Mapping[str, int] = field(default_factory=dict)

    def lines(self) -> list[str]:
        """In words."""
        lines = [f"Labels by {self.scheme}: {_listed(self.counts)} ({sum(self.counts.values()):,} galaxies)"]
        if self.fits:
            lines.append(f"  counted with those that fit another class too: {_listed(self.fits)}")
        return lines + [f"  {number:,} without a label: {reason}" for reason, number in self.why_not.items() if number]


@dataclass(frozen=True)
class JoinReport:
    """How another table was joined.

    Attributes
    ----------
    file : str
    on : str
        ``"id"`` or ``"position"``.
    matched, galaxies : int
        Galaxies that found a partner, of how many.
    ambiguous : int
        Galaxies with several partners; the nearest was taken, or the first of an id.
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
        """In words."""
        matched = f"{self.matched:,} of {self.galaxies:,} galaxies matched"
        lines = [f"Joined {self.file} by {self.on}: {matched}; added {choices(self.added)}"]
        if self.ambiguous:
            taken = "first" if self.on == "id" else "nearest"
            lines.append(f"  {self.ambiguous:,} galaxies had several partners; the {taken} was taken")
        if self.not_overwritten:
            lines.append(f"  kept as they were: {choices(self.not_overwritten)}")
        return lines


@dataclass(frozen=True)
class CatalogReport:
    """All that `trainer.catalog.read_catalog` has to say of a table.

    Attributes
    ----------
    path : Path
    format, kind : str
        The file's format, and which table it is, in words.
    rows, galaxies : int
        Rows in the file, and galaxies that remain.
    notes : tuple of str
        What was decided about columns.
    left_out : tuple of str
        The file's columns that were not read.
    user_columns : tuple of str
        The file's columns in no schema of ours, which the catalogue has as they are.
    unidentified, unplaced, duplicates : ReportCount
        Rows dropped: without an id; without a position on the sphere; a galaxy again.
    renamed : ReportCount
        Rows with the id of a galaxy elsewhere, which got an id made of their position.
    pairs : ReportCount
        Pairs closer than 2 arcsec. They are kept.
    blanked : int
        Values of -9999 turned into "unknown".
    classified : int
        Galaxies whose gz2class was understood.
    unknown_classes : ReportCount
        Galaxies whose gz2class is outside the grammar, and these strings.
    labels : LabelReport or None
    joins : tuple of JoinReport
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
        """The report as a person would write it, one thought a line."""
        lines = [
            f"{self.path.name} ({self.format}) is {self.kind}: {self.rows:,} rows, {self.galaxies:,} galaxies",
            *(f"  {note}" for note in self.notes),
        ]
        told = (
            (self.unidentified, "rows dropped: no id"),
            (self.unplaced, "rows dropped: no position on the sphere"),
            (self.duplicates, "rows dropped: the galaxy stands there already"),
            (self.renamed, "rows bear the id of a galaxy more than 5 arcsec away: their ids are made of positions"),
            (self.pairs, "pairs within 2 arcsec, kept"),
            (self.unknown_classes, "galaxies with a gz2class that is not in the grammar"),
        )
        lines += [f"  {count.line(words)}" for count, words in told if count.number]
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
