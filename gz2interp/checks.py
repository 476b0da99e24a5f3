"""How far a network's explanations can be trusted: the outcome of ``gz2interp check`` as frozen records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from gz2interp.records import record_from_json
from gz2interp.statistics import Estimate

__all__ = ["VERSION", "Check", "Finding"]

VERSION: Final = 2
"""Of how a check is made: 1 drew class activation maps as if cells tiled the image, and is not shown any more."""


@dataclass(frozen=True)
class Finding:
    """One question and its answer.

    Attributes
    ----------
    check : str
        What was asked, for example ``"deletion"``.
    method : str
        Of which attribution method; "" for what is asked of the network itself, and in brackets what is no method but
        something to compare with: ``"(gaussian)"``.
    subject : str
        Of which class or nuisance; "" for all.
    estimate : Estimate
        The number behind it, with its 95 % interval.
    limit : float or None
        What the number is held against; None where nothing can be failed.
    passed : bool or None
        None where nothing can be failed, or it is not known.
    words : str
        What the number is, in a few words.
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
        """The inverse of `dataclasses.asdict`; a ValueError says what lacks or is of another type."""
        return record_from_json(cls, record)


@dataclass(frozen=True)
class Check:
    """All findings about a network on a survey.

    Attributes
    ----------
    survey, model : str
        Their names.
    score : str
        What was explained, in words.
    unknown : tuple of str
        What was not asked, and the command that would ask it.
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
        return tuple(each for each in self.findings if each.method == method and check in ("", each.check))

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Check:
        """The inverse of `to_json`; a ValueError says what lacks or is of another type."""
        return record_from_json(cls, record)
