"""What is printed: one line per comparison, real beside painted, with a verdict."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["Line", "by_change", "by_ratio", "header"]


@dataclass(frozen=True)
class Line:
    """One comparison.

    Attributes
    ----------
    what : str
    real, painted : str
        Numbers as they are to be read.
    measure : str
        Their ratio, difference or whatever is judged.
    passed : bool, optional
        None where there is no goal to be judged by.
    goal : str
        In words.
    """

    what: str
    real: str
    painted: str
    measure: str
    passed: bool | None = None
    goal: str = ""

    def __str__(self) -> str:
        verdict = "" if self.passed is None else ("ok" if self.passed else "OFF")
        return f"{self.what:<44} {self.real:>17} {self.painted:>17} {self.measure:>17}  {verdict:<4}{self.goal}"


def header(title: str) -> str:
    """Names of the columns under a title."""
    return f"\n{title}\n{Line('', 'real', 'painted', 'ratio or change')}"


def by_ratio(what: str, real_painted: Iterable[float], limit: float, form: str = ".3f") -> Line:
    """Two numbers, the real one first, whose ratio should be 1 to that fraction."""
    real, painted = (float(value) for value in real_painted)
    passed = abs(painted - real) <= limit * abs(real)
    return Line(what, f"{real:{form}}", f"{painted:{form}}", f"x {painted / real:.3f}", passed, f"within {limit:.0%}")


def by_change(what: str, real_painted: Iterable[float], limit: float, form: str = ".3f") -> Line:
    """Two numbers, the real one first, that should differ by no more than that."""
    real, painted = (float(value) for value in real_painted)
    change = painted - real
    return Line(
        what, f"{real:{form}}", f"{painted:{form}}", f"{change:+{form}}", abs(change) <= limit, f"within {limit:g}"
    )
