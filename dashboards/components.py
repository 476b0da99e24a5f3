"""The dashboard's own Streamlit components: NAME is a folder ``NAME_component`` with ``NAME.css`` and ``NAME.js``."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib.resources import files
from typing import Any

import streamlit as st

__all__ = ["component", "ignore"]


@cache
def component(name: str, html: str) -> Callable[..., Any]:
    """The component of a name, whose script can use the functions of ``events.js``."""
    folder = files(f"dashboards.{name}_component")
    css, js = (folder.joinpath(f"{name}.{suffix}").read_text("utf-8") for suffix in ("css", "js"))
    events = files("dashboards").joinpath("events.js").read_text("utf-8")
    return st.components.v2.component(f"gz2interp.{name}", html=html, css=css, js=events + js, isolate_styles=False)


def ignore() -> None:
    """Do nothing: Streamlit needs a callback for each state of a component."""
