"""Dataclasses from JSON values, with the type of every field checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import Field, fields, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

__all__ = ["record_from_json", "record_to_json"]

T = TypeVar("T")


def record_to_json(value: Any) -> Any:
    """The values of a dataclass by field name, or by the name in its ``metadata={"key": NAME}``, as JSON values."""
    if is_dataclass(value):
        return {_key(field): record_to_json(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {name: record_to_json(item) for name, item in value.items()}
    return tuple(record_to_json(item) for item in value) if isinstance(value, tuple) else value


def record_from_json(kind: type[T], value: Any) -> T:
    """Build a dataclass from the JSON value of `record_to_json`.

    Parameters
    ----------
    kind : type
        A dataclass whose fields are str, int, float, bool, tuples, mappings, other dataclasses, or unions of these.
    value : JSON value
        Keys without a field are ignored: a newer version may write more.

    Raises
    ------
    ValueError
        A key is missing, or a value is of another type.
    """
    record: T = _dataclass(kind, value, "")
    return record


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _dataclass(kind: Any, value: Any, where: str) -> Any:
    if not isinstance(value, Mapping):
        raise _wrong(where, value, "an object")
    keys = {field.name: _key(field) for field in fields(kind) if field.init}
    lacking = [key for key in keys.values() if key not in value]
    if lacking:
        raise ValueError(f"it lacks {', '.join(f'{where}{key}' for key in lacking)}")
    hints = _hints(kind)
    return kind(**{name: _value(hints[name], value[key], f"{where}{key}") for name, key in keys.items()})


def _key(field: Field[Any]) -> str:
    return str(field.metadata.get("key", field.name))


def _value(kind: Any, value: Any, where: str) -> Any:
    origin, parts = get_origin(kind), get_args(kind)
    if kind is Any:
        return value
    if is_dataclass(kind):
        return _dataclass(kind, value, f"{where}.")
    if origin in (Union, UnionType):
        return _one_of(parts, value, where)
    if origin is tuple:
        return _tuple(parts, value, where)
    if origin is not None and issubclass(origin, Mapping):
        if not isinstance(value, Mapping):
            raise _wrong(where, value, "an object")
        return {str(name): _value(parts[1], item, f"{where}.{name}") for name, item in value.items()}
    return _plain(kind, value, where)


def _one_of(kinds: tuple[Any, ...], value: Any, where: str) -> Any:
    if value is None and NoneType in kinds:
        return None
    rest = [kind for kind in kinds if kind is not NoneType]
    for kind in rest[:-1]:
        try:
            return _value(kind, value, where)
        except ValueError:
            continue
    return _value(rest[-1], value, where)


def _tuple(kinds: tuple[Any, ...], value: Any, where: str) -> tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise _wrong(where, value, "a list")
    if len(kinds) == 2 and kinds[1] is Ellipsis:
        kinds = (kinds[0],) * len(value)
    if len(kinds) != len(value):
        raise _wrong(where, value, f"a list of {len(kinds)}")
    return tuple(_value(kind, item, f"{where}[{i}]") for i, (kind, item) in enumerate(zip(kinds, value, strict=True)))


def _plain(kind: Any, value: Any, where: str) -> Any:
    if kind is float and isinstance(value, int | float) and not isinstance(value, bool):
        return value
    if (kind is int and isinstance(value, int) and not isinstance(value, bool)) or (
        kind in (str, bool) and isinstance(value, kind)
    ):
        return value
    words = {int: "a whole number", float: "a number", str: "text", bool: "true or false"}
    raise _wrong(where, value, words.get(kind, str(kind)))


def _wrong(where: str, value: Any, expected: str) -> ValueError:
    text = repr(value)
    return ValueError(f"{where.strip('.') or 'it'} is {text[:60]}{'...' if len(text) > 60 else ''}, not {expected}")
