"""The decorator behind everything that the dashboard caches, and the time stamps of files for its keys."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import streamlit as st

__all__ = ["cached", "stamp"]

P = ParamSpec("P")
T = TypeVar("T")


def cached(
    key: Callable[..., Any], entries: int, *, shared: bool = False
) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Cache the results of a function in Streamlit, for all sessions.

    Parameters
    ----------
    key : callable
        Takes the arguments of a call and returns everything that the result depends on: digests, paths with their
        `stamp`, numbers. The arguments themselves are not hashed.
    entries : int
        How many results are held.
    shared : bool, optional
        Whether all calls return the same object (`st.cache_resource`), or each a copy of its own (`st.cache_data`).
    """

    def decorate(function: Callable[P, T]) -> Callable[P, T]:
        def load(key: Any, _call: Callable[[], T]) -> T:
            return _call()

        # Streamlit tells caches apart by module and qualified name.
        load.__module__, load.__qualname__ = function.__module__, function.__qualname__
        cache = st.cache_resource if shared else st.cache_data
        held = cache(show_spinner=False, max_entries=entries)(load)

        @wraps(function)
        def look_up(*args: P.args, **kwargs: P.kwargs) -> T:
            return held(key(*args, **kwargs), lambda: function(*args, **kwargs))

        return look_up

    return decorate


def stamp(path: Path) -> int:
    """When a file was last written [ns]; 0 where there is none."""
    return path.stat().st_mtime_ns if path.exists() else 0
