"""What something adds to each score, as bars to either side of nothing."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np

__all__ = ["effects_html", "signed_words"]


def effects_html(
    names: Sequence[str],
    added: Sequence[float],
    limit: float = 0.0,
    removed: Sequence[float] | None = None,
    strong: int = -1,
) -> str:
    """A row for each score: its name, a bar (to the right for it, to the left against it), the number.

    Parameters
    ----------
    names : sequence of str
    added : sequence of float
    limit : float, optional
        What fills a half; 0 for the greatest here.
    removed : sequence of float, optional
        How much each score falls without it: a mark on the bar, and a second number.
    strong : int, optional
        The score that is looked at.
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
