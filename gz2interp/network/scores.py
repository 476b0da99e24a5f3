"""Scores: functions of a network's outputs and activations, one number per galaxy.

>>> score = logit("spiral") - 0.5 * logit("smooth")
>>> score.name
'logit(spiral) - 0.5 * logit(smooth)'
"""

from __future__ import annotations

import operator
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from gz2interp.errors import InputError, choices

__all__ = ["Array", "Score", "logit", "plane_of", "probability", "single_scores"]

Array = Any
"""NumPy array, TensorFlow tensor, or anything else with ``+ - *`` and slices."""

OPERATORS: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
}


class Score(ABC):
    """A named function of a network's outputs or activations; ``+``, ``-`` and ``*`` combine scores and numbers.

    Scores are immutable, compare by value, and can be dictionary keys. Scores of outputs are defined here, those of
    activations in `gz2interp.network.layer_scores`.
    """

    @property
    @abstractmethod
    def name(self) -> str:
        """The score as text, as `gz2interp.network.written_scores.read_score` parses it."""

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers whose activations it uses; none for a score of outputs."""
        return ()

    @property
    def parts(self) -> tuple[Score, ...]:
        """The scores that it combines; none for a single score."""
        return ()

    @abstractmethod
    def __call__(self, probabilities: Array, logits: Array, activations: Mapping[str, Array] | None = None) -> Array:
        """Evaluate.

        Parameters
        ----------
        probabilities, logits : array (n, class)
            Of any library. The classes must have been resolved.
        activations : mapping, optional
            For each of `layers`, the mean of its activations over the image plane, array (n, channel); and, under
            `plane_of` its name, the plane itself, array (n, y, x, channel).

        Returns
        -------
        array (n,)
        """

    @abstractmethod
    def resolve(self, class_names: Sequence[str]) -> Score:
        """The same score with each class given by its position.

        Raises
        ------
        InputError
            For a class that is not among `class_names`.
        """

    def __add__(self, other: Score | float) -> Score:
        return _combine("+", self, other)

    def __radd__(self, other: Score | float) -> Score:
        return _combine("+", other, self)

    def __sub__(self, other: Score | float) -> Score:
        return _combine("-", self, other)

    def __rsub__(self, other: Score | float) -> Score:
        return _combine("-", other, self)

    def __mul__(self, other: Score | float) -> Score:
        return _combine("*", self, other)

    def __rmul__(self, other: Score | float) -> Score:
        return _combine("*", other, self)

    def __neg__(self) -> Score:
        return _combine("*", -1, self)

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Output(Score):
    """One of the network's outputs: the logit or the probability of one class.

    Attributes
    ----------
    kind : str
        ``"logit"`` or ``"probability"``.
    of : str or int
        The class, by name or by position.
    """

    kind: str
    of: str | int

    @property
    def name(self) -> str:
        return f"{self.kind}({self.of})"

    def __call__(self, probabilities: Array, logits: Array, activations: Mapping[str, Array] | None = None) -> Array:
        return (logits if self.kind == "logit" else probabilities)[:, self.of]

    def resolve(self, class_names: Sequence[str]) -> Score:
        return Output(self.kind, position_of(self.of, class_names))


@dataclass(frozen=True)
class Combination(Score):
    """Two scores, or a score and a number, combined by ``+``, ``-`` or ``*``."""

    sign: str
    left: Score | float
    right: Score | float

    @property
    def name(self) -> str:
        return f"{self._written(self.left)} {self.sign} {self._written(self.right, on_the_right=True)}"

    @property
    def layers(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(layer for part in self.parts for layer in part.layers))

    @property
    def parts(self) -> tuple[Score, ...]:
        return tuple(part for part in (self.left, self.right) if isinstance(part, Score))

    def __call__(self, probabilities: Array, logits: Array, activations: Mapping[str, Array] | None = None) -> Array:
        left, right = (
            part(probabilities, logits, activations) if isinstance(part, Score) else part
            for part in (self.left, self.right)
        )
        return OPERATORS[self.sign](left, right)

    def resolve(self, class_names: Sequence[str]) -> Score:
        left, right = (
            part.resolve(class_names) if isinstance(part, Score) else part for part in (self.left, self.right)
        )
        return Combination(self.sign, left, right)

    def _written(self, part: Score | float, on_the_right: bool = False) -> str:
        if not isinstance(part, Score):
            return f"{part:g}" if part >= 0 or not on_the_right else f"({part:g})"
        sign = part.sign if isinstance(part, Combination) else ""
        loose = sign in ("+", "-") and (self.sign == "*" or (self.sign == "-" and on_the_right))
        return f"({part.name})" if loose else part.name


def logit(of: str | int) -> Score:
    """The logit of a class, by its name or its position from 0: the input of the network's last activation."""
    return Output("logit", of)


def probability(of: str | int) -> Score:
    """The probability of a class, by its name or its position from 0."""
    return Output("probability", of)


def plane_of(layer: str) -> str:
    """The key of a layer's whole plane in the mapping of activations that a score receives."""
    return f"{layer}[y, x]"


def single_scores(score: Score) -> Iterator[Score]:
    """Iterate over the single scores that a score combines."""
    if not score.parts:
        yield score
    for part in score.parts:
        yield from single_scores(part)


def position_of(name: str | int, class_names: Sequence[str]) -> int:
    """The position of a class among the network's classes."""
    if name in class_names:
        return list(class_names).index(str(name))
    if isinstance(name, int) and 0 <= name < len(class_names):
        return name
    raise InputError(
        f"The network has no class {name!r}",
        f"Its classes are {choices(class_names, like=name)}",
        "Name one of them, or give its position counted from 0",
    )


def _combine(sign: str, left: Score | float, right: Score | float) -> Score:
    for part in (left, right):
        if not isinstance(part, Score | int | float):
            return NotImplemented
    return Combination(sign, left, right)
