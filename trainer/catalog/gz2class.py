"""The grammar of a ``gz2class`` string: a galaxy's morphology in a few letters (Willett et al. 2013, appendix A)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

__all__ = ["Gz2Class", "parse_gz2class"]

ROUNDNESS: Final = {"r": "round", "i": "in_between", "c": "cigar"}
BULGE: Final = {"a": "dominant", "b": "obvious", "c": "just_noticeable", "d": "none"}
BULGE_SHAPE: Final = {"r": "rounded", "b": "boxy", "n": "none"}
ARMS: Final = ("1", "2", "3", "4", "+", "?")
WINDING: Final = {"t": "tight", "m": "medium", "l": "loose"}
ODD: Final = {
    "r": "ring",
    "l": "lens_or_arc",
    "d": "disturbed",
    "i": "irregular",
    "o": "other",
    "m": "merger",
    "u": "dust_lane",
}

# A bulge letter must follow S or SB, so that even without case "sb" can only be a disc with an obvious bulge, and "sbb"
# the same with a bar.
_GRAMMAR: Final = re.compile(
    r"""(?: (?P<artifact>A)
        | (?: E (?P<roundness>[ric])
            | S e (?P<bulge_shape>[rbn])
            | S (?P<bar>B)? (?P<bulge>[abcd]) (?: (?P<arms>[1234+?]) (?P<winding>[tml]) )?
          ) (?: \( (?P<odd>[rldiomu]) \) )?
        )""",
    re.IGNORECASE | re.VERBOSE,
)


@dataclass(frozen=True)
class Gz2Class:
    """Parsed ``gz2class``; ``str()`` gives the string in the spelling of Galaxy Zoo 2.

    Attributes
    ----------
    kind : str
        ``"smooth"`` (E), ``"features"`` (S: features or a disc) or ``"artifact"`` (A: a star or an artefact).
    roundness : str or None
        Of a smooth galaxy: ``"round"``, ``"in_between"``, ``"cigar"``.
    bar : bool
        Always False for smooth galaxies and edge-on discs, for which the question does not apply.
    bulge : str or None
        Of a disc not seen edge-on: ``"dominant"``, ``"obvious"``, ``"just_noticeable"``, ``"none"``.
    edge_on : bool
        Whether the disc is seen edge-on.
    bulge_shape : str or None
        Of a disc seen edge-on: ``"rounded"``, ``"boxy"``, ``"none"``.
    arms : str or None
        Number of spiral arms, ``"1"`` to ``"4"``, ``"+"`` (more than four) or ``"?"`` (cannot tell); None without arms.
    winding : str or None
        Of the arms: ``"tight"``, ``"medium"``, ``"loose"``.
    odd : str or None
        ``"ring"``, ``"lens_or_arc"``, ``"disturbed"``, ``"irregular"``, ``"other"``, ``"merger"``, ``"dust_lane"``.
    """

    kind: str
    roundness: str | None = None
    bar: bool = False
    bulge: str | None = None
    edge_on: bool = False
    bulge_shape: str | None = None
    arms: str | None = None
    winding: str | None = None
    odd: str | None = None

    @property
    def letter(self) -> str:
        """The first letter: ``"E"``, ``"S"`` or ``"A"``."""
        return {"smooth": "E", "features": "S", "artifact": "A"}[self.kind]

    def __str__(self) -> str:
        odd = f"({_letter(ODD, self.odd)})" if self.odd else ""
        if self.kind == "smooth":
            return f"E{_letter(ROUNDNESS, self.roundness)}{odd}"
        if self.edge_on:
            return f"Se{_letter(BULGE_SHAPE, self.bulge_shape)}{odd}"
        if self.kind == "features":
            bar = "B" if self.bar else ""
            return f"S{bar}{_letter(BULGE, self.bulge)}{self.arms or ''}{_letter(WINDING, self.winding)}{odd}"
        return "A"


def parse_gz2class(text: str) -> Gz2Class | None:
    """Read a ``gz2class``, ignoring case and surrounding blanks; None for a string outside the grammar.

    >>> parse_gz2class("SBc2m(r)")
    Gz2Class(kind='features', roundness=None, bar=True, bulge='just_noticeable', edge_on=False, bulge_shape=None, \
arms='2', winding='medium', odd='ring')
    >>> str(parse_gz2class("sbB"))
    'SBb'
    >>> parse_gz2class("Sx") is None
    True
    """
    match = _GRAMMAR.fullmatch(text.strip())
    if match is None:
        return None
    part = {name: letter.lower() if letter else "" for name, letter in match.groupdict().items()}
    odd = ODD.get(part["odd"])
    if part["artifact"]:
        return Gz2Class("artifact")
    if part["roundness"]:
        return Gz2Class("smooth", roundness=ROUNDNESS[part["roundness"]], odd=odd)
    if part["bulge_shape"]:
        return Gz2Class("features", edge_on=True, bulge_shape=BULGE_SHAPE[part["bulge_shape"]], odd=odd)
    return Gz2Class(
        "features",
        bar=bool(part["bar"]),
        bulge=BULGE[part["bulge"]],
        arms=part["arms"] or None,
        winding=WINDING.get(part["winding"]),
        odd=odd,
    )


def _letter(words: dict[str, str], word: str | None) -> str:
    return next((letter for letter, name in words.items() if name == word), "")
