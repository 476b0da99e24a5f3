"""What is selected: one record for all panels and pages, kept by Streamlit and mirrored in the address of the page."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Final

import streamlit as st

from gz2interp.schema import parse_galaxy_id

__all__ = [
    "Selection",
    "change",
    "current",
    "mirror",
    "read_params",
    "rounded",
    "said",
    "say",
    "settle",
    "where_of",
]

Polygon = tuple[tuple[float, float], ...]

KEY: Final = "selection"
WORDS: Final = "selection_words"


@dataclass(frozen=True)
class Selection:
    """Everything that decides what is on the screen; two equal selections show the same.

    Attributes
    ----------
    survey : str
        Its name in the surveys folder, or its path.
    model, layer : str
        "" where none has been chosen: the first model, its newest analysis.
    galaxy_id : str
        Digits. A string: ids exceed 2**53, where a browser's numbers end.
    method, score : str
        Of the attribution: its name, and the class or the written score that is explained. "" where none has been asked
        for, or for the predicted class.
    colour : str
        The column that colours the map.
    lasso : tuple of (x, y)
        In map coordinates; the galaxies inside are the members.
    cluster : str
        The cluster whose galaxies are the members, ``"fine-7"``; there is either a lasso or a cluster.
    scale : str
        Of the clusters that are shown; "" for the middle one.
    view : str
        What the page "Features" shows: ``"layer"``, ``"dictionary"``, ``"groups"`` or ``"atlas"``; "" for the first.
    block : str
        The channel, class, group or cell of the atlas that is looked at, ``"channel-12"``.
    place : str
        In the layer's plane, ``"y,x"``; "" for where the layer says most.
    """

    survey: str = ""
    model: str = ""
    layer: str = ""
    galaxy_id: str = ""
    method: str = ""
    score: str = ""
    colour: str = ""
    lasso: Polygon = ()
    cluster: str = ""
    scale: str = ""
    view: str = ""
    block: str = ""
    place: str = ""

    def to_params(self) -> dict[str, str]:
        """As query parameters of an address; what is not chosen is left out."""
        words = {field.name: getattr(self, field.name) for field in fields(self)}
        words["lasso"] = ";".join(f"{x:.5g},{y:.5g}" for x, y in self.lasso)
        return {name: word for name, word in words.items() if word}


def rounded(polygon: Polygon) -> Polygon:
    """The polygon as an address can hold it: five digits are a hundredth of a screen pixel."""
    return tuple((float(f"{x:.5g}"), float(f"{y:.5g}")) for x, y in polygon)


def read_params(params: Mapping[str, str]) -> tuple[Selection, list[str]]:
    """The selection in an address, and a sentence about each part that could not be read.

    The inverse of `Selection.to_params`. A part that makes no sense is left at its default: an old or mistyped
    address still opens.
    """
    read: dict[str, Any] = {}
    words = []
    for name, text in params.items():
        try:
            read[name] = READERS[name](text)
        except KeyError:
            words.append(f"The address names “{name}”, which means nothing here; it was left out.")
        except ValueError as reason:
            words.append(f"The address gives {name} as “{text[:60]}”: {reason}. It was left out.")
    return Selection(**read), words


def where_of(selection: Selection) -> str:
    """Where the members are, in a sentence."""
    return f"in the cluster {selection.cluster}" if selection.cluster else "inside the lasso"


def current() -> Selection:
    """The selection of this session; a new session takes it from the address."""
    if KEY not in st.session_state:
        st.session_state[KEY], st.session_state[WORDS] = read_params(st.query_params.to_dict())
    selection = st.session_state[KEY]
    assert isinstance(selection, Selection)
    return selection


def change(**parts: Any) -> None:
    """Select something else; another survey or model takes along only what still makes sense in it."""
    selection = replace(current(), **parts)
    if parts.get("lasso"):
        selection = replace(selection, cluster="")
    if parts.get("cluster"):
        selection = replace(selection, lasso=())
    if "survey" in parts:
        selection = Selection(survey=selection.survey, colour=selection.colour)
    if "model" in parts or "layer" in parts:
        selection = replace(selection, lasso=(), cluster="", score="", layer=parts.get("layer", ""))
        selection = replace(selection, block="", place="")
    st.session_state[KEY] = selection


def settle(**parts: Any) -> None:
    """Fill in what the address left open, and keep all the rest."""
    st.session_state[KEY] = replace(current(), **parts)


def mirror() -> None:
    """Write the selection into the address, if it says something else."""
    params = current().to_params()
    if st.query_params.to_dict() != params:
        st.query_params.from_dict(params)


def say(sentence: str) -> None:
    """Keep a sentence for the person, to be shown once."""
    words = st.session_state.setdefault(WORDS, [])
    if sentence not in words:
        words.append(sentence)


def said() -> list[str]:
    """The sentences to be shown now; they are forgotten thereby."""
    words: list[str] = st.session_state.get(WORDS, [])
    st.session_state[WORDS] = []
    return words


def _digits(text: str) -> str:
    return str(parse_galaxy_id(text))


def _polygon(text: str) -> Polygon:
    try:
        vertices = tuple((float(x), float(y)) for x, y in (pair.split(",") for pair in text.split(";")))
    except ValueError:
        vertices = ()
    if len(vertices) < 3 or not all(math.isfinite(number) for vertex in vertices for number in vertex):
        raise ValueError("a lasso is three or more pairs, as in 0,0;1,0;1,1")
    return vertices


def _place(text: str) -> str:
    if not re.fullmatch(r"[0-9]{1,4},[0-9]{1,4}", text):
        raise ValueError("a place is two whole numbers, as in 3,4")
    return text


READERS: Final[dict[str, Callable[[str], Any]]] = {
    **dict.fromkeys(
        ("survey", "model", "layer", "method", "score", "colour", "cluster", "scale", "view", "block"), str
    ),
    "galaxy_id": _digits,
    "lasso": _polygon,
    "place": _place,
}
