"""Scores read from how a person writes them: ``logit(spiral) - 0.5 * channel(block3, 12)``."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from gz2interp.errors import InputError
from gz2interp.network.layer_scores import channel
from gz2interp.network.scores import OPERATORS, Score, logit, probability

__all__ = ["WORDS", "read_score"]

Word = Callable[..., Score]

WORDS: Final[Mapping[str, Word]] = {"logit": logit, "probability": probability, "channel": channel}
"""What a score can be made of; a reader who knows a survey adds to them."""

_SIGNS: Final = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*"}
EXAMPLE: Final = 'logit(spiral) - 0.5 * logit("edge on")'


def read_score(text: str, words: Mapping[str, Word] = WORDS) -> Score:
    """The score that a text says; nothing in it is run.

    Parameters
    ----------
    text : str
        Scores and numbers joined by ``+``, ``-``, ``*`` and brackets. A name that holds anything but letters, digits
        and underscores stands in quotes.
    words : mapping
        What may be called, and what makes a score of its arguments.

    Raises
    ------
    InputError
        The text is no score.
    """
    try:
        read = _read(ast.parse(text.strip(), mode="eval").body, words)
    except (SyntaxError, ValueError, TypeError, RecursionError) as error:
        raise _unread(text, words, str(error).split("\n")[0]) from None
    if not isinstance(read, Score):
        raise _unread(text, words, "it is a number")
    return read


def _read(node: ast.expr, words: Mapping[str, Word]) -> Score | float:
    match node:
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _SIGNS:
            joined: Score | float = OPERATORS[_SIGNS[type(op)]](_read(left, words), _read(right, words))
            return joined
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_read(operand, words)
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
            return number
        case ast.Call(func=ast.Name(id=name), args=given, keywords=[]) if name in words:
            return words[name](*_arguments(given))
    raise ValueError(f"{ast.unparse(node)} is not understood")


def _arguments(nodes: Sequence[ast.expr]) -> list[str | int]:
    """Names and whole numbers: a bare word is a name."""
    found: list[str | int] = []
    for node in nodes:
        match node:
            case ast.Name(id=word):
                found.append(word)
            case ast.Constant(value=str() | int() as value) if not isinstance(value, bool):
                found.append(value)
            case _:
                raise ValueError(f"{ast.unparse(node)} is no name; if it is one, put it in quotes")
    return found


def _unread(text: str, words: Mapping[str, Word], why: str) -> InputError:
    return InputError(
        f"The score {text!r} was given: {why}",
        f"{', '.join(f'{name}(...)' for name in words)} and numbers, joined by + - * and brackets",
        f"For example {EXAMPLE}",
    )
