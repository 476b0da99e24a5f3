"""Scores parsed from text: ``logit(spiral) - 0.5 * channel(block3, 12)``."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np

from gz2interp.errors import InputError, shorten
from gz2interp.expressions import parse_expression
from gz2interp.network.layer_scores import channel
from gz2interp.network.scores import OPERATORS, Score, logit, probability

__all__ = ["WORDS", "read_score"]

Word = Callable[..., Score]

WORDS: Final[Mapping[str, Word]] = {"logit": logit, "probability": probability, "channel": channel}
"""Functions that a score can be made of; callers with a survey add more."""

_MOST: Final = float(np.finfo(np.float32).max)
_SIGNS: Final = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*"}
EXAMPLE: Final = 'logit(spiral) - 0.5 * logit("edge on")'


def read_score(text: str, words: Mapping[str, Word] = WORDS) -> Score:
    """Parse a score; no code in the text is run.

    Parameters
    ----------
    text : str
        Scores and numbers joined by ``+``, ``-``, ``*`` and brackets. A name that holds anything but letters, digits
        and underscores stands in quotes.
    words : mapping
        Names of functions, and the functions that make a score of their arguments.

    Raises
    ------
    InputError
        The text is no score.
    """
    try:
        read = _read(parse_expression(text), words)
    except (ValueError, TypeError) as error:
        raise _unread(text, words, shorten(str(error), 300).split("\n")[0]) from None
    if not isinstance(read, Score):
        raise _unread(text, words, "it is a number")
    return read


def _read(node: ast.expr, words: Mapping[str, Word]) -> Score | float:
    match node:
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _SIGNS:
            joined: Score | float = OPERATORS[_SIGNS[type(op)]](_read(left, words), _read(right, words))
            return joined if isinstance(joined, Score) else _finite(joined)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_read(operand, words)
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
            return _finite(number)
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]) if name in words:
            return words[name](*_arguments(args))
    raise ValueError(f"{shorten(ast.unparse(node))} is not understood")


def _finite(number: float) -> float:
    """The number itself, if it fits into float32."""
    if not abs(number) <= _MOST:
        raise ValueError(f"a number in it is beyond {_MOST:.1e}")
    return number


def _arguments(nodes: Sequence[ast.expr]) -> list[str | int]:
    """Names and whole numbers: a bare word is a name."""
    arguments: list[str | int] = []
    for node in nodes:
        match node:
            case ast.Name(id=word):
                arguments.append(word)
            case ast.Constant(value=str() | int() as value) if not isinstance(value, bool):
                arguments.append(value)
            case _:
                raise ValueError(f"{shorten(ast.unparse(node))} is no name; if it is one, put it in quotes")
    return arguments


def _unread(text: str, words: Mapping[str, Word], why: str) -> InputError:
    return InputError(
        f"The score {shorten(text, 200)!r} was given: {why}",
        f"{', '.join(f'{name}(...)' for name in words)} and numbers, joined by + - * and brackets",
        f"For example {EXAMPLE}",
    )
