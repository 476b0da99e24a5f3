"""How far a network's explanations can be trusted: the outcome of ``gz2interp check`` as frozen records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from gz2interp.records import record_from_json
from gz2interp.statistics import Estimate

__all__ = ["VERSION", "Check", "Finding"]

VERSION: Final = 2
"""Version of the computation: checks of version 1, with wrong positions of class activation maps, are ignored."""


@dataclass(frozen=True)
class Finding:
    """The result of one test.

    Attributes
    ----------
    check : str
        Name of the test, for example ``"deletion"``.
    method : str
        The attribution method; "" for a test of the network itself, and in brackets for a baseline map:
        ``"(gaussian)"``.
    subject : str
        The class or nuisance; "" for all.
    estimate : Estimate
        The measured number, with its 95 % interval.
    limit : float or None
        The limit for passing; None where there is none.
    passed : bool or None
        None where there is no limit, or the result is not conclusive.
    words : str
        The meaning of the number.
    """

    check: str
    method: str
    subject: str
    estimate: Estimate
    limit: float | None
    passed: bool | None
    words: str

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Finding:
        """The inverse of `dataclasses.asdict`; a ValueError names a missing field or a wrong type."""
        return record_from_json(cls, record)


@dataclass(frozen=True)
class Check:
    """All findings about a network on a survey.

    Attributes
    ----------
    survey, model : str
        Their names.
    score : str
        The score that was attributed, in words.
    unknown : tuple of str
        The tests that were not run, and the command that would run them.
    provenance : mapping
        As `Provenance.to_json` gives it.
    """

    survey: str
    model: str
    score: str
    findings: tuple[Finding, ...]
    unknown: tuple[str, ...] = ()
    provenance: Mapping[str, Any] = field(default_factory=dict)

    @property
    def methods(self) -> tuple[str, ...]:
        """The methods that were checked, in order."""
        named = (finding.method for finding in self.findings)
        return tuple(dict.fromkeys(name for name in named if name and not name.startswith("(")))

    def of(self, method: str = "", check: str = "") -> tuple[Finding, ...]:
        """The findings about a method ("" for the network itself), or those of one check about it."""
        return tuple(finding for finding in self.findings if finding.method == method and check in ("", finding.check))

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Check:
        """The inverse of `to_json`; a ValueError names a missing field or a wrong type."""
        return record_from_json(cls, record)
