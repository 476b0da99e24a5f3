"""Many galaxies at once: the members of the lasso."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from dashboards.gallery_component import show_gallery
from dashboards.loading.ground import Ground
from dashboards.loading.tables import predictions_of
from dashboards.parts.cards import cards_of, pick
from dashboards.parts.selection_export import offer_selection
from dashboards.parts.style import heading
from dashboards.parts.subject import Subject
from dashboards.selection import current, where_of
from gz2interp.workflows.giving import Subset

__all__ = ["PAGE", "show_members"]

PAGE: Final = 48


def show_members(subject: Subject, ground: Ground, members: NDArray[np.bool_]) -> None:
    """The galaxies inside the lasso or in the cluster, a page at a time, and all of them to take along."""
    rows = ground.rows[members]
    pages = max(-(-len(rows) // PAGE), 1)
    title, turn, save = st.columns([3, 1.2, 1], vertical_alignment="bottom")
    with turn:
        page = int(st.number_input(f"Page of {pages:,}", 1, pages, 1, key="members_page")) if pages > 1 else 1
    first = (page - 1) * PAGE
    with title:
        part = f"{first + 1} to {min(first + PAGE, len(rows))} of {len(rows):,}" if len(rows) else "nobody is inside"
        heading(f"{len(rows):,} galaxies {where_of(current())}", part)
    if len(rows) == 0:
        return
    with save:
        places = ground.points.coordinates[members]
        found = {"map_x": places[:, 0], "map_y": places[:, 1]} if ground.layer else {}
        offer_selection(_subset(subject, rows, current().cluster or "lasso", found))
    shown = rows[first : first + PAGE]
    _show(subject, shown, _confidences(subject, shown), "members")


def _show(subject: Subject, rows: NDArray[np.int64], notes: Sequence[str], name: str, width: int = 104) -> None:
    key = f"gallery-{name}"
    cards = cards_of(subject, rows, notes)
    show_gallery(cards, key, pick, selected=str(int(subject.facts["galaxy_id"])), width=width)


def _confidences(subject: Subject, rows: NDArray[np.int64]) -> list[str]:
    table = predictions_of(subject.survey, subject.model) if subject.model else None
    if table is None:
        return [""] * len(rows)
    return ["" if pd.isna(value) else f"{value:.1%}" for value in table["confidence"].reindex(rows)]


def _subset(subject: Subject, rows: NDArray[np.int64], name: str, found: Mapping[str, NDArray[Any]]) -> Subset:
    return Subset(subject.survey, rows, subject.model.name if subject.model else None, found, name)
