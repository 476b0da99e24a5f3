"""Expressions of users: parsed within bounds and never run as Python; conditions are evaluated on columns.

An expression may come from another person's file or link. So its length and depth are bounded, and only the operations
listed here exist: each takes one pass over the columns, and none makes a value larger than its operands.
"""

from __future__ import annotations

import ast
import functools
import operator
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd

from gz2interp.errors import shorten

__all__ = ["MAX_LENGTH", "columns_in", "evaluate_condition", "parse_expression"]

MAX_LENGTH: Final = 10_000
"""Characters of an expression, enough for a list of some hundred ids."""

MAX_DEPTH: Final = 50
"""Levels of brackets and operators inside one another."""

MAX_OPERATIONS: Final = 200
"""Operations on columns in one condition: each of them reads every row."""

_INT64: Final = 2**63
_EXACT: Final = 2**53
"""Whole numbers below it are exact in float64."""

_QUOTED: Final = re.compile(r"""(`[^`]*`|'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")""", re.DOTALL)

_COMPARISONS: Final[Mapping[type[ast.cmpop], Callable[[Any, Any], Any]]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_ARITHMETIC: Final[Mapping[type[ast.operator], Callable[[Any, Any], Any]]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Mod: operator.mod,
}


def parse_expression(text: str) -> ast.expr:
    """Parse one expression, as Python would write it, within bounds.

    Raises
    ------
    ValueError
        It is no expression, longer than `MAX_LENGTH`, or nested more than `MAX_DEPTH` levels deep.
    """
    if len(text) > MAX_LENGTH:
        raise ValueError(f"it has {len(text)} characters, and at most {MAX_LENGTH} are read")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the parser, about "1is" and the like
            parsed = ast.parse(text.strip(), mode="eval").body
    except SyntaxError as error:
        raise ValueError(str(error.msg)) from None
    except (ValueError, MemoryError, RecursionError) as error:
        raise ValueError(str(error) or "it is nested too deeply") from None
    if _depth(parsed) > MAX_DEPTH:
        raise ValueError(f"it is nested more than {MAX_DEPTH} levels deep")
    return parsed


def evaluate_condition(text: str, table: pd.DataFrame) -> Any:
    """Evaluate a condition on the columns of a table.

    Parameters
    ----------
    text : str
        Columns (in backticks if the name is no word), numbers and texts; compared by ``== != < <= > >=``, ``in`` and
        ``not in`` a list; joined by ``and``, ``or``, ``not`` (or ``& | ~``); numbers also by ``+ - * / %``.

    Returns
    -------
    Series or scalar
        A Series of truth values if the condition compares a column.

    Raises
    ------
    ValueError
        The condition contains something else, or exceeds the bounds.
    """
    parsed, names = _parse_condition(text)
    count = sum(isinstance(part, ast.expr) and not isinstance(part, ast.Constant) for part in ast.walk(parsed))
    if count > MAX_OPERATIONS:
        raise ValueError(f"it has {count} operations, and at most {MAX_OPERATIONS} are evaluated")
    return _evaluate(parsed, names, table)


def columns_in(text: str) -> set[str]:
    """The names in a condition.

    Raises
    ------
    ValueError
        It cannot be parsed.
    """
    parsed, names = _parse_condition(text)
    return {names.get(part.id, part.id) for part in ast.walk(parsed) if isinstance(part, ast.Name)}


def _parse_condition(text: str) -> tuple[ast.expr, dict[str, str]]:
    """The tree, and the columns in backticks by the names that replace them."""
    plain: list[str] = []
    names: dict[str, str] = {}
    for number, part in enumerate(_QUOTED.split(text[: MAX_LENGTH + 1])):
        if number % 2 and part.startswith("`"):
            names[f"_column_{number}"] = part.strip("`")
            plain.append(f" _column_{number} ")
        elif number % 2:
            plain.append(part)
        else:  # as in pandas, & and | bind as "and" and "or" do: "r < 17 & g < 18" is two comparisons
            plain.append(re.sub(r"\s+", " ", part).replace("&", " and ").replace("|", " or "))
    return parse_expression("".join(plain)), names


def _depth(node: ast.AST) -> int:
    deepest, waiting = 0, [(node, 1)]
    while waiting:  # without recursion, which has a limit of its own
        part, depth = waiting.pop()
        deepest = max(deepest, depth)
        waiting.extend((child, depth + 1) for child in ast.iter_child_nodes(part) if isinstance(child, ast.expr))
    return deepest


def _evaluate(node: ast.expr, names: Mapping[str, str], table: pd.DataFrame) -> Any:
    def value_of(part: ast.expr) -> Any:
        return _evaluate(part, names, table)

    match node:
        case ast.BoolOp(op=op, values=parts):
            join = operator.and_ if isinstance(op, ast.And) else operator.or_
            return functools.reduce(join, (_truth(value_of(part), part) for part in parts))
        case ast.UnaryOp(op=ast.Not() | ast.Invert(), operand=part):
            return ~_truth(value_of(part), part)
        case ast.UnaryOp(op=sign, operand=part):
            return _calculate(ast.Sub if isinstance(sign, ast.USub) else ast.Add, 0, value_of(part), node)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _ARITHMETIC:
            return _calculate(type(op), value_of(left), value_of(right), node)
        case ast.Compare():
            return _evaluate_comparison(node, value_of)
        case ast.Name(id=name):
            return _column(names.get(name, name), table)
        case ast.Constant():
            return _constant(node)
    raise ValueError(f"{shorten(ast.unparse(node))} is more than a comparison")


def _column(name: str, table: pd.DataFrame) -> pd.Series[Any]:
    if name not in table:
        raise ValueError(f"there is no column {shorten(name)}")
    return table[name]


def _constant(node: ast.Constant) -> bool | int | float | str:
    value = node.value
    if isinstance(value, bool | float | str):
        return value
    if isinstance(value, int):
        if abs(value) >= _INT64:
            raise ValueError(f"{shorten(ast.unparse(node))} does not fit 64 bits")
        return value
    raise ValueError(f"{shorten(ast.unparse(node))} is neither a number nor a text")


def _evaluate_comparison(node: ast.Compare, value_of: Callable[[ast.expr], Any]) -> Any:
    """One comparison, or a chain such as ``14 < r < 17``."""
    answer: Any = None
    for left, sign, right in zip([node.left, *node.comparators], node.ops, node.comparators, strict=False):
        listed = isinstance(right, ast.List | ast.Tuple | ast.Set)
        if isinstance(sign, ast.In | ast.NotIn) or (listed and isinstance(sign, ast.Eq | ast.NotEq)):
            one = _is_in(value_of(left), right, node)
            one = ~one if isinstance(sign, ast.NotIn | ast.NotEq) else one
        elif type(sign) in _COMPARISONS:
            one = _compare(_COMPARISONS[type(sign)], value_of(left), value_of(right), node)
        else:
            raise ValueError(f"{shorten(ast.unparse(node))} is more than a comparison")
        answer = one if answer is None else answer & one
    return answer


def _compare(compare: Callable[[Any, Any], Any], left: Any, right: Any, node: ast.expr) -> Any:
    for column, value in ((left, right), (right, left)):
        _refuse_inexact(column, value)
        _refuse_other_kind(column, [value], node)
    try:
        answer = compare(left, right)
    except TypeError:
        raise ValueError(f"{shorten(ast.unparse(node))} compares numbers with texts") from None
    return answer if isinstance(answer, pd.Series) else np.bool_(answer)


def _is_in(column: Any, listed: ast.expr, node: ast.expr) -> pd.Series[Any]:
    elements = listed.elts if isinstance(listed, ast.List | ast.Tuple | ast.Set) else [listed]
    constants = [element for element in elements if isinstance(element, ast.Constant)]
    if elements == [listed] or len(constants) < len(elements) or not isinstance(column, pd.Series):
        raise ValueError(
            f"{shorten(ast.unparse(node))} needs a column on the left, and a list of numbers or texts on the right"
        )
    values = [_constant(constant) for constant in constants]
    for value in values:
        _refuse_inexact(column, value)
    _refuse_other_kind(column, values, node)
    answer: pd.Series[Any] = pd.Series(np.zeros(len(column), np.bool_), index=column.index)
    for kind in (str, float, int):  # together they would be compared as texts or as floats
        same = [value for value in values if isinstance(value, kind)]
        if same and kind is float and pd.api.types.is_float_dtype(column):
            same = np.asarray(same, column.dtype.type).tolist()  # as == compares: 0.1 in single precision is 0.1
        if same:
            answer = answer | column.isin(same)
    return answer


def _refuse_other_kind(column: Any, values: Sequence[Any], node: ast.expr) -> None:
    """Refuse to compare a column of texts with numbers, or of numbers with texts, which would match nothing."""
    if not isinstance(column, pd.Series) or not values or column.isna().all():
        return
    texts = not (pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column))
    fitting = [value for value in values if isinstance(value, pd.Series) or isinstance(value, str) == texts]
    if not fitting:
        first = values[0]
        other = repr(str(first)) if texts else "a number without quotation marks"
        kinds = ("texts", "a number") if texts else ("numbers", "a text")
        raise ValueError(
            f"{shorten(ast.unparse(node))} compares a column of {kinds[0]} with {kinds[1]}, {first!r}; write {other}"
        )


def _refuse_inexact(column: Any, value: Any) -> None:
    """Refuse a whole number beyond 2**53 in floating-point notation, which no longer identifies a galaxy."""
    integers = isinstance(column, pd.Series) and pd.api.types.is_integer_dtype(column)
    if integers and isinstance(value, float) and _EXACT <= abs(value) < _INT64:
        raise ValueError(f"{value!r} is no whole number, and beyond 2**53 it no longer says which it was")


def _calculate(sign: type[ast.operator], left: Any, right: Any, node: ast.expr) -> Any:
    calculate = _ARITHMETIC[sign]
    first, second = _number(left, node), _number(right, node)
    with np.errstate(all="ignore"):
        whole = all(np.issubdtype(operand.dtype, np.integer) for operand in (first, second))
        if (
            whole
            and sign is not ast.Div
            and np.any(np.abs(calculate(first.astype(float), second.astype(float))) >= _INT64)
        ):
            raise ValueError(f"{shorten(ast.unparse(node))} does not fit 64 bits")
        return calculate(first, second)


def _number(value: Any, node: ast.expr) -> Any:
    """The value as 64-bit integers or floats, so that results cannot grow in size."""
    if isinstance(value, pd.Series):
        if not pd.api.types.is_numeric_dtype(value) or pd.api.types.is_bool_dtype(value):
            raise ValueError(f"{shorten(ast.unparse(node))} calculates with what is no number")
        whole = pd.api.types.is_integer_dtype(value) and not value.isna().any()
        return value.astype(np.int64 if whole else np.float64)
    if isinstance(value, str | bool | np.bool_):
        raise ValueError(f"{shorten(ast.unparse(node))} calculates with what is no number")
    return np.int64(value) if isinstance(value, int | np.integer) else np.float64(value)


def _truth(value: Any, node: ast.expr) -> Any:
    if isinstance(value, pd.Series) and pd.api.types.is_bool_dtype(value):
        return value
    if isinstance(value, bool | np.bool_):
        return np.bool_(value)
    raise ValueError(f"{shorten(ast.unparse(node))} is neither true nor false")
