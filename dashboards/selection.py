"""The selection: one record for all panels and pages, kept in the session and mirrored in the page's address."""

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
"""Parameter of an address that replaces the one before in the browser's history: see `dashboards.serving`."""


_opened: Final[set[str]] = set()
"""Surveys that users have opened since the start of the dashboard; links to them, as of a reload, open too."""


@dataclass(frozen=True)
class Selection:
    """Everything that determines a page; two equal selections show the same.

    Attributes
    ----------
    survey : str
        Its name in the surveys folder, or its path.
    model, layer : str
        "" for the default: the first model, its newest analysis.
    galaxy_id : str
        Digits. A string: ids exceed 2**53, where a browser's numbers end.
    method, score : str
        Of the attribution: the method, and the class or score that is explained. "" for no attribution, and for the
        predicted class.
    colour : str
        The column that colours the map.
    lasso : tuple of (x, y)
        In map coordinates; the galaxies inside are the members.
    cluster : str
        The cluster whose galaxies are the members, ``"fine-7"``; there is either a lasso or a cluster.
    scale : str
        Of the displayed clusters; "" for the middle one.
    view : str
        Of the page "Features": ``"layer"``, ``"dictionary"``, ``"groups"`` or ``"atlas"``; "" for the first.
    block : str
        The selected channel, class, group or cell of the atlas, ``"channel-12"``.
    place : str
        In the layer's plane, ``"y,x"``; "" for the place of the strongest activations.
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
        """As query parameters of an address, without defaults."""
        words = {item.name: getattr(self, item.name) for item in fields(self)}
        words["lasso"] = ";".join(f"{x:.5g},{y:.5g}" for x, y in self.lasso)
        return {name: word for name, word in words.items() if word}


def rounded(polygon: Polygon) -> Polygon:
    """The polygon as an address can hold it: five digits are a hundredth of a screen pixel."""
    return tuple((float(f"{x:.5g}"), float(f"{y:.5g}")) for x, y in polygon)


def read_params(params: Mapping[str, str]) -> tuple[Selection, list[str]]:
    """The selection in an address, and a message about each part that could not be read.

    The inverse of `Selection.to_params`. An invalid part is left at its default: an old or mistyped address still
    opens.
    """
    read: dict[str, Any] = {}
    words = []
    for name, text in params.items():
        if name == IN_PLACE:
            continue
        try:
            read[name] = READERS[name](text)
        except KeyError:
            words.append(f"The address contains “{name}”, which is no parameter; it was ignored.")
        except ValueError as reason:
            words.append(f"The address gives {name} as “{text[:60]}”: {reason}. It was ignored.")
    return Selection(**read), words


def where_of(selection: Selection) -> str:
    """Where the members are, in words."""
    return f"in the cluster {selection.cluster}" if selection.cluster else "inside the lasso"


def current() -> Selection:
    """The selection of this session; a new session takes it from the address."""
    return _owner().selection


def change(**parts: Any) -> None:
    """Change the selection because of a user's action; it becomes an entry of the browser's history.

    With another survey or model, the parts that are not valid there are reset.
    """
    if parts.get("survey"):
        _opened.add(parts["survey"])
    owner = _owner()
    with owner.lock:
        owner.selection = _apply_change(owner.selection, parts)
        owner.params = owner.selection.to_params()


def was_opened(survey: str) -> bool:
    """Whether a user of this dashboard has opened a survey other than by a link."""
    return survey in _opened


def settle(**parts: Any) -> None:
    """Change parts of the selection without a user's action, such as defaults; no entry of the browser's history."""
    owner = _owner()
    with owner.lock:
        _owner()  # a run that was aborted for a newer selection ends here, and changes nothing
        owner.selection = replace(owner.selection, **parts)


def begin(page: str) -> None:
    """Bring the selection up to date at the start of a run, and the address with it.

    Called once in each run of a page, before anything is drawn from the selection; `finish` is called after it.

    Parameters
    ----------
    page : str
        Name of the drawn page; messages of another page are dropped.

    Notes
    -----
    The browser sends its address with every run, often that of before the last selection. So the
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
    # After Back or Forward in any case: the response to an earlier selection may just have changed the address.
    if returning or st.query_params.to_dict() != owner.params:
        st.query_params.from_dict(owner.params)


def finish() -> None:
    """Write changes by `settle` into the address, without an entry of the browser's history."""
    owner = _owner()
    with owner.lock:
        params = owner.selection.to_params()
        if _owner().params == params:
            return
        owner.params = params
    st.query_params.from_dict({**params, IN_PLACE: "1"})  # removed by the script of `dashboards.serving`
    st.query_params.from_dict(params)


def apply_pending() -> bool:
    """Apply pending choices of the browser; returns whether there were any.

    Streamlit runs a page again for every click and aborts the run before. What was sent to that run only, as the press
    of a button, is lost. So the parts of a page that select something send their state with every run: widgets their
    value, our components the last few events, numbered.
    """
    owner = _owner()
    states = {key: st.session_state.get(key) for key in owner.acts}  # each access may end an aborted run
    pending = [(key, act) for key, act in owner.acts.items() if act.is_new(states[key])]
    for key, act in pending:
        owner.acts[key] = act.after(states[key])
        act.apply(states[key])
    return bool(pending)


def offer_events(key: str, name: str, apply: Callable[[Mapping[str, Any]], None]) -> int:
    """Register a component of ours whose events change the selection.

    Parameters
    ----------
    key : str
        Of the component.
    name : str
        The part of its state with the last few events, each a mapping with an increasing ``serial``.
    apply : callable
        Called once with each event, at the start of the next run.

    Returns
    -------
    serial : int
        Of the last applied event; 0 for none.
    """
    acts = _owner().acts
    before = acts.get(key)
    acts[key] = _Events(apply, name, before.last if isinstance(before, _Events) else 0)
    return before.last if isinstance(before, _Events) else 0


def offer_choice(key: str, value: Any, apply: Callable[[Any], None]) -> None:
    """Register a widget that shows a part of the selection, and set its value.

    Parameters
    ----------
    key : str
        Of a widget of Streamlit that is drawn next.
    apply : callable
        Called at the start of the next run with the value that the user has chosen instead.
    """
    _owner().acts[key] = _WidgetValue(apply, value)
    if value != "" or st.session_state.get(key) != "":  # an empty field may contain text that is just being typed
        st.session_state[key] = value


def add_message(sentence: str) -> None:
    """Queue a message to the user, to be shown once."""
    messages = _owner().messages
    if sentence not in messages:
        messages.append(sentence)


def take_messages() -> list[str]:
    """The queued messages, which are removed from the queue."""
    messages = _owner().messages
    sentences = list(messages)
    messages.clear()
    return sentences


@dataclass(frozen=True)
class _Events:
    """A component of ours, and the serial of its last applied event."""

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
    """A widget of Streamlit, and the value that it was last set to."""

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
    """The mutable state of one session.

    Runs of a page are threads that may overlap for a moment: changes are made under the lock.

    Attributes
    ----------
    params : dict
        The address, as it has to be.
    messages : list of str
        Not shown yet.
    page : str
        Drawn last.
    acts : dict
        Registered widgets and components, by key.
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
