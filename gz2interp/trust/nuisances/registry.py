"""The open list of nuisances: what a network may take a class from without looking at the galaxy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from gz2interp.errors import InputError
from gz2interp.measure.outskirts import Measured

__all__ = ["NUISANCES", "Nuisance", "Transplant", "nuisance"]

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]

Transplant = Callable[[Measured, Sequence[Measured], Generator], Floats]
"""``(recipients, donors, generator)``: n galaxies, and of each of k kinds of donors as many. It returns float32 (k, n,
y, x, band): each recipient with each of its donors' nuisance. What is random is the same for all of them."""


def _none_is_lacking(galaxies: Measured) -> str:
    return ""


def _all_will_do(recipients: Measured, donors: Sequence[Measured]) -> Bools:
    return np.ones(len(recipients), np.bool_)


@dataclass(frozen=True)
class Nuisance:
    """One family.

    Attributes
    ----------
    name : str
    phrase : str
        What it is in a sentence: "the noise of their images".
    transplant : callable
    lacking : callable
        ``(galaxies) -> str``: why it cannot be asked of these galaxies; "" if it can.
    usable : callable
        ``(recipients, donors) -> bool (n,)``: for which of them it can be done.
    """

    name: str
    phrase: str
    transplant: Transplant
    lacking: Callable[[Measured], str] = _none_is_lacking
    usable: Callable[[Measured, Sequence[Measured]], Bools] = _all_will_do


NUISANCES: dict[str, Nuisance] = {}


def nuisance(name: str, phrase: str, **rules: Any) -> Callable[[Transplant], Transplant]:
    """Register a transplant under the name of its family; `rules` are the other fields of `Nuisance`.

    Raises
    ------
    InputError
        The name is taken.
    """

    def register(function: Transplant) -> Transplant:
        if name in NUISANCES:
            raise InputError(f"A nuisance called {name} exists already", "Each has a name of its own")
        NUISANCES[name] = Nuisance(name, phrase, function, **rules)
        return function

    return register
