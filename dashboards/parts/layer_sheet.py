"""All channels, classes and groups of a layer as a table to sort and filter, with effects as bars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, Final

import numpy as np
import pandas as pd
import streamlit as st

from dashboards.gallery_component import GalleryItem, show_gallery
from dashboards.loading.features import StoredLayer, agreements_for, feature_pictures, patch_pictures, table_for
from dashboards.parts.style import caption
from dashboards.selection import change, current, offer_choice, settle
from gz2interp.schema import name_in_words
from gz2interp.workflows.layer_table import CORRELATES_WITH, FILTERS, ORDERS, column_in_words, sort_and_filter

__all__ = ["BLACK", "KINDS", "block_of", "effects_html", "name_of", "select_block", "show_sheet", "signed_words"]


def effects_html(
    names: Sequence[str],
    added: Sequence[float],
    limit: float = 0.0,
    removed: Sequence[float] | None = None,
    strong: int = -1,
) -> str:
    """A row for each score: its name, a bar (to the right for an increase, to the left for a decrease), the number.

    Parameters
    ----------
    added : sequence of float
        Contributions to the scores.
    limit : float, optional
        The contribution that fills half of the width; 0 for the greatest one.
    removed : sequence of float, optional
        Decreases of the scores without it: a mark on the bar, and a second number.
    strong : int, optional
        Index of the highlighted score.
    """
    values = np.asarray(added, float)
    others = None if removed is None else np.asarray(removed, float)
    every = values if others is None else np.concatenate([values, others])
    limit = limit or float(np.abs(every).max(initial=0)) or 1.0
    rows = []
    for k, (name, value) in enumerate(zip(names, values, strict=True)):
        mark = "" if others is None else f'<u style="left: {50 + 48 * np.clip(others[k] / limit, -1, 1):.1f}%"></u>'
        also = "" if others is None else f'<span class="gz2-quiet">{signed_words(others[k])}</span>'
        rows.append(
            f"<dt{' class=gz2-strong' if k == strong else ''}>{escape(name)}</dt>"
            f"<dd><span class=gz2-track>{_bar(value / limit)}{mark}</span><span>{signed_words(value)}</span>{also}</dd>"
        )
    return f'<dl class="gz2-effects{" gz2-both" if others is not None else ""}">{"".join(rows)}</dl>'


def signed_words(value: float) -> str:
    """With its sign, the minus as wide as the plus.

    >>> signed_words(0.5), signed_words(0.0123), signed_words(1e-5)
    ('+0.50', '+0.012', '0')
    """
    words = f"{value:+.2f}" if abs(value) >= 0.1 else f"{value:+.3f}"
    return words.replace("-", "\N{MINUS SIGN}") if abs(value) >= 0.0005 else "0"


def _bar(share: float) -> str:
    width = 50 * min(abs(share), 1.0)
    left = 50 - width if share < 0 else 50
    side = "against" if share < 0 else "for"
    return f'<i class="gz2-{side}" style="left: {left:.1f}%; width: {width:.1f}%"></i>'


KINDS: Final = {"channel": "Channels", "class": "Classes", "group": "Groups"}
PAGE: Final = 96
"""Cards on a page."""

BLACK: Final = "data:image/gif;base64,R0lGODlhAQABAPAAAAAAAP///yH5BAAAAAAALAAAAAABAAEAAAICRAEAOw=="
"""A black picture."""

Block = tuple[str, int]
"""Kind and number."""


def block_of(text: str) -> Block | None:
    """Kind and number of a block such as ``"channel-12"``; None for any other text."""
    kind, _, number = text.partition("-")
    return (kind, int(number)) if kind and number.isascii() and number.isdigit() else None


def name_of(results: StoredLayer, kind: str, number: int) -> str:
    """The displayed name: groups and cells are counted from 1."""
    if kind == "class":
        names = results.model.class_names
        return name_in_words(str(names[number])) if number < len(names) else f"class {number}"
    return f"{kind} {number + (kind in ('group', 'cell'))}"


def select_block(block: str) -> None:
    """Show a channel, class or group, such as ``"channel-12"``, among those of its layer."""
    change(view="layer", block=block)


def show_sheet(results: StoredLayer) -> Block | None:
    """The sheet with its choices; returns the selected block, None where the layer has none."""
    kind = _show_kinds(results)
    table = table_for(results, kind)
    page = _show_choices(results, kind, table)
    if not len(page):
        caption("No match.")
    block = block_of(current().block)
    if block is None or block[0] != kind or block[1] not in set(table["number"]):
        if not len(table):
            return None
        block = (kind, int((page if len(page) else table)["number"].iloc[0]))
        settle(block=f"{kind}-{block[1]}")
    _show_page(results, kind, page, block)
    return block


def _show_kinds(results: StoredLayer) -> str:
    counts = {kind: len(table_for(results, kind)) for kind in KINDS}
    kinds = [kind for kind in KINDS if counts[kind]]
    block = block_of(current().block)
    kind = block[0] if block and block[0] in kinds else kinds[0] if kinds else "channel"
    if len(kinds) > 1:
        key = "choose_kind"
        offer_choice(key, kind, lambda block: change(block=f"{block}-0"))
        st.segmented_control(
            "Feature images of", kinds, key=key, format_func=lambda name: f"{KINDS[name]} · {counts[name]}"
        )
    return kind


def _show_choices(results: StoredLayer, kind: str, table: pd.DataFrame) -> pd.DataFrame:
    orders = [
        name for name in ORDERS if name == "number" or table[ORDERS[name][0][0]].replace("", np.nan).notna().any()
    ]
    columns = sorted(set(table["goes_with"]) - {""})
    filters = [name for name, condition in FILTERS.items() if name == "all" or condition(table).any()]
    left, right, turn = st.columns([1, 1.3, 0.8], vertical_alignment="bottom")
    order = left.selectbox("Sort by", orders, key=f"sheet_order_{kind}")
    choice = right.selectbox(
        "Show",
        [*filters, *(CORRELATES_WITH + column for column in columns)],
        key=f"sheet_shown_{kind}",
        format_func=lambda name: _filter_words(table, name),
    )
    correlates = results.blocks.correlates if results.blocks else None
    units = sort_and_filter(table, order, choice, correlates)
    pages = max(-(-len(units) // PAGE), 1)
    with turn:
        page = (
            int(st.number_input(f"Page of {pages}", 1, pages, 1, key=f"sheet_page_{kind}_{order}_{choice}"))
            if pages > 1
            else 1
        )
    return units.iloc[(page - 1) * PAGE : page * PAGE]


def _filter_words(table: pd.DataFrame, name: str) -> str:
    if name in FILTERS:
        return f"{name} · {int(FILTERS[name](table).sum())}"
    return CORRELATES_WITH + column_in_words(name.removeprefix(CORRELATES_WITH))


def _show_page(results: StoredLayer, kind: str, page: pd.DataFrame, block: Block) -> None:
    pictures = _pictures(results, kind, page)
    image = "feature image" if results.features else "most activating place"
    cards = [
        GalleryItem(
            f"{kind}-{row['number']}",
            pictures.get(row["number"], BLACK),
            name_of(results, kind, row["number"]),
            _note(row),
            f"{image} of {name_of(results, kind, row['number'])}",
        )
        for row in page.to_dict("records")
    ]
    key = f"gallery-sheet-{kind}"
    with st.container(key="sheet-cards"):
        show_gallery(cards, key, lambda block: change(block=block), selected=f"{kind}-{block[1]}", width=84)
    if results.features is None:
        caption("Each channel by a patch of the galaxy that activates it most: there are no feature images yet.")
    else:
        caption(
            "“x best”: activation of the feature image in units of that of the most activating real galaxy. Of those "
            f"on this page {int((page['reached'] > page['best']).sum())} of {len(page)} exceed it, and "
            f"{int((page['reached'] > page['random']).sum())} exceed random images with the survey's spectrum."
        )
    if kind == "channel":
        for agreement in agreements_for(results):
            caption(" \N{MIDDLE DOT} ".join(agreement.sentences) + ".")


def _pictures(results: StoredLayer, kind: str, page: pd.DataFrame) -> dict[int, str]:
    pictures = feature_pictures(results, kind)
    if pictures or kind != "channel" or results.blocks is None or not len(page):
        return pictures
    tops, numbers = results.blocks.arrays("tops"), page["number"].to_numpy()
    at = [tops[f"peak_{name}"][numbers, 0] for name in ("rows", "y", "x")]
    return dict(zip(numbers.tolist(), patch_pictures(results, *at), strict=True))


def _note(row: Mapping[Any, Any]) -> str:
    """The activation of its image, and its diagnosis or the column that it correlates with."""
    words = []
    if row["unexcited"]:
        words.append("not excited")
    elif row["best"] > 0:
        share = f"{round(row['reached'] / row['best'], 1) + 0.0:.1f} x best"
        words.append(share.replace("-", "\N{MINUS SIGN}"))
    if row["silent"]:
        words.append("constant")
    elif row["twin"] >= 0:
        words.append(f"redundant with {row['twin']}")
    elif row["artefact"]:
        words.append(f"artefact: {column_in_words(row['artefact'])}")
    elif row["goes_with"]:
        words.append(f"{column_in_words(row['goes_with'])} {signed_words(row['rho'])}")
    return " · ".join(words)
