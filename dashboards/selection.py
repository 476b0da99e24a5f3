"""What is selected: one record for all panels and pages, kept by Streamlit and mirrored in the address of the page."""

from __future__ import annotations

import math
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Final

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from gz2interp.schema import parse_galaxy_id

__all__ = [
    "Selection",
    "add_message",
    "apply_pending",
    "begin",
    "change",
    "current",
    "finish",
    "offer_choice",
    "offer_events",
    "read_params",
    "rounded",
    "settle",
    "take_messages",
    "was_opened",
    "where_of",
]

Polygon = tuple[tuple[float, float], ...]

KEY: Final = "selection"
IN_PLACE: Final = "in_place"
"""Marks an address that takes the place of the one before: see `dashboards.serving`."""


_opened: Final[set[str]] = set()
"""What people have opened since this dashboard was started: links to it open too, such as those of a reload."""


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
        words = {item.name: getattr(self, item.name) for item in fields(self)}
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
        if name == IN_PLACE:
            continue
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
    return _owner().selection


def change(**parts: Any) -> None:
    """Select something else, as a person has asked for; it becomes an entry of the browser's history.

    Another survey or model takes along only what still makes sense in it.
    """
    if parts.get("survey"):
        _opened.add(parts["survey"])
    owner = _owner()
    with owner.lock:
        owner.selection = _apply_change(owner.selection, parts)
        owner.params = owner.selection.to_params()


def was_opened(survey: str) -> bool:
    """Whether a person has asked this dashboard for a survey, in words that are not those of a link alone."""
    return survey in _opened


def settle(**parts: Any) -> None:
    """Fill in what the address left open, and keep all the rest; for the browser's history nothing has happened."""
    owner = _owner()
    with owner.lock:
        _owner()  # a run that is to be stopped because of a newer selection ends here, and changes nothing
        owner.selection = replace(owner.selection, **parts)


def begin(page: str) -> None:
    """Bring the selection up to date at the start of a run, and the address with it.

    Called once in each run of a page, before anything is drawn from the selection; `finish` is called after it.

    Parameters
    ----------
    page : str
        Names the page that is drawn; messages of another one are forgotten.

    Notes
    -----
    The browser sends its address with every run, and often a stale one: that of before the last selection. So the
    address is read at the start of a session and when the Back or Forward key brought it, and is written otherwise.
    """
    owner = _owner()
    apply_pending()
    returning = _is_history_navigation()
    if returning:
        with owner.lock:
            owner.params = st.query_params.to_dict()
            owner.selection, complaints = read_params(owner.params)
            owner.messages[:] = complaints
    if owner.page not in ("", page):
        owner.messages.clear()
    owner.page = page
    # After Back or Forward also what is equal: an answer to an earlier selection may just have changed the address.
    if returning or st.query_params.to_dict() != owner.params:
        st.query_params.from_dict(owner.params)


def finish() -> None:
    """Write what the page has filled in into the address, in place: it is no entry of the browser's history."""
    owner = _owner()
    with owner.lock:
        params = owner.selection.to_params()
        if _owner().params == params:
            return
        owner.params = params
    st.query_params.from_dict({**params, IN_PLACE: "1"})  # the mark is taken away in the browser, which knows it
    st.query_params.from_dict(params)


def apply_pending() -> bool:
    """Apply what was chosen in the browser and has not been applied; whether there was any of that.

    Streamlit runs a page anew for every click, and gives up the run before. What that run was told once, as of the
    press of a button, is lost with it. So the parts of a page that select something keep what was chosen in the
    browser: widgets their value, our components the last few events, numbered. It is sent along with every run.
    """
    owner = _owner()
    states = {key: st.session_state.get(key) for key in owner.acts}  # each access may end a run that is given up
    pending = [(key, act) for key, act in owner.acts.items() if act.is_new(states[key])]
    for key, act in pending:
        owner.acts[key] = act.after(states[key])
        act.apply(states[key])
    return bool(pending)


def offer_events(key: str, name: str, apply: Callable[[Mapping[str, Any]], None]) -> int:
    """Await events of one of our components.

    Parameters
    ----------
    key : str
        Of the component.
    name : str
        Of its state that holds the last few events, each a mapping with a growing ``serial``.
    apply : callable
        Called once with each event, at the start of the next run.

    Returns
    -------
    serial : int
        Of the last event that has been applied; 0 for none.
    """
    acts = _owner().acts
    before = acts.get(key)
    acts[key] = _Events(apply, name, before.last if isinstance(before, _Events) else 0)
    return before.last if isinstance(before, _Events) else 0


def offer_choice(key: str, value: Any, apply: Callable[[Any], None]) -> None:
    """Let the widget of that key show a value, and await another one.

    Parameters
    ----------
    key : str
        Of a widget of Streamlit that is drawn next.
    value : object
    apply : callable
        Called at the start of the next run with what a person has chosen instead.
    """
    _owner().acts[key] = _WidgetValue(apply, value)
    if value != "" or st.session_state.get(key) != "":  # an empty field may hold what a person is just typing
        st.session_state[key] = value


def add_message(sentence: str) -> None:
    """Keep a sentence for the person, to be shown once."""
    messages = _owner().messages
    if sentence not in messages:
        messages.append(sentence)


def take_messages() -> list[str]:
    """The sentences to be shown now; they are forgotten thereby."""
    messages = _owner().messages
    sentences = list(messages)
    messages.clear()
    return sentences


@dataclass(frozen=True)
class _Events:
    """A component of ours, and the serial of the last event of it that was applied."""

    use: Callable[[Mapping[str, Any]], None]
    name: str
    last: int

    def is_new(self, state: Any) -> bool:
        return bool(self._new(state))

    def after(self, state: Any) -> _Events:
        return replace(self, last=int(self._new(state)[-1]["serial"]))

    def apply(self, state: Any) -> None:
        for event in self._new(state):
            self.use(event)

    def _new(self, state: Any) -> list[Mapping[str, Any]]:
        events = (state or {}).get(self.name) or ()
        return sorted(
            (event for event in events if event["serial"] > self.last), key=lambda event: int(event["serial"])
        )


@dataclass(frozen=True)
class _WidgetValue:
    """A widget of Streamlit, and the value that it was last made to show."""

    use: Callable[[Any], None]
    value: Any

    def is_new(self, state: Any) -> bool:
        return state is not None and state != self.value

    def after(self, state: Any) -> _WidgetValue:
        return replace(self, value=state)

    def apply(self, state: Any) -> None:
        self.use(state)


@dataclass
class _Owner:
    """Of one session; the only thing that changes.

    Runs of a page may overlap for a moment, and each is a thread: changes are made under the lock.

    Attributes
    ----------
    selection : Selection
    params : dict
        The address, as it has to be.
    messages : list of str
        Not shown yet.
    page : str
        Drawn last.
    acts : dict
        What selects something, by the key of its widget.
    """

    selection: Selection
    params: dict[str, str]
    messages: list[str]
    page: str = ""
    acts: dict[str, _Events | _WidgetValue] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)


def _owner() -> _Owner:
    if KEY not in st.session_state:
        params = st.query_params.to_dict()
        st.session_state[KEY] = _Owner(*_first(params))
    owner = st.session_state[KEY]
    assert isinstance(owner, _Owner)
    return owner


def _first(params: dict[str, str]) -> tuple[Selection, dict[str, str], list[str]]:
    selection, complaints = read_params(params)
    return selection, params, complaints


def _apply_change(selection: Selection, parts: dict[str, Any]) -> Selection:
    selection = replace(selection, **parts)
    if parts.get("lasso"):
        selection = replace(selection, cluster="")
    if parts.get("cluster"):
        selection = replace(selection, lasso=())
    if "survey" in parts:
        return Selection(survey=selection.survey, colour=selection.colour)
    if "model" in parts or "layer" in parts:
        selection = replace(selection, lasso=(), cluster=parts.get("cluster", ""), score="", block="", place="")
        selection = replace(selection, layer=parts.get("layer", ""))
    return selection


def _is_history_navigation() -> bool:
    context = get_script_run_ctx()
    return context is not None and context.is_history_navigation


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
