"""The figures and the two tables of a download, as HTML that a screen reader can walk through."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Final

from dashboards.loading.downloads import Standing
from dashboards.parts.style import caption, heading, show_table
from gz2interp.schema import STATUSES
from trainer.download.report import Failure, ServiceState
from trainer.download.watch import duration

__all__ = ["MOST_KINDS", "figures", "show_failures", "show_services"]

MOST_KINDS: Final = 50
"""Kinds of failures that are shown; more than that nobody reads on a screen."""

_STATUS: Final = {
    "ok": ("✓", "ok"),
    "failed": ("✕", "failed"),
    "missing": ("○", "missing"),
    "out_of_footprint": ("⊘", "out of footprint"),
}
_SERVICE: Final = {"up": ("✓", "answers"), "down": ("✕", "is down"), "holding": ("‖", "asked us to wait")}
_TROUBLES: Final = {
    "timeout": "silent for too long",
    "connection": "no connection",
    "busy": "busy",
    "server": "server error",
    "down": "down",
    "held": "asked us to wait",
    "passing": "passing error",
    "refused": "refused",
    "answer": "wrong answer",
    "blank": "blank image",
    "address": "led elsewhere",
}


def figures(standing: Standing) -> str:
    """How many, how fast, how long still."""
    report = standing.report
    known = {"Galaxies": f"{report.done:,} <small>of {report.total:,}</small>"}
    if report.this_run != report.done:
        known["In this run"] = f"{report.this_run:,} <small>of {report.asked_for:,}</small>"
    others = [status for status in report.counts if status not in STATUSES]
    known |= {_status(each): f"{report.counts[each]:,}" for each in (*STATUSES, *others) if each in report.counts}
    known |= _pace(standing)
    known["Pixel scale"] = (
        f"{report.pixel_scale:.3g}″" if report.pixel_scale else "<small>by each galaxy's size</small>"
    )
    return (
        '<dl class="gz2-figures">'
        + "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in known.items())
        + "</dl>"
    )


def show_services(services: Sequence[ServiceState], live: bool) -> None:
    """Who is asked, and how each behaves."""
    if not services:
        return
    heading("Services", "" if live else "as they were at the last word")
    rows = [
        [escape(each.name), escape(each.host), _state(each), f"{each.requests:,}", _bytes(each.bytes), _troubles(each)]
        for each in services
    ]
    show_table("Services", ["Service", "Host", "State", "*Requests", "*Received", "Troubles met"], rows)


def show_failures(failures: Sequence[Failure], over: bool) -> None:
    """Why galaxies have no image, and what to do about it.

    Parameters
    ----------
    failures : sequence of Failure
    over : bool
        Whether all of them are known.
    """
    galaxies = sum(failure.count for failure in failures)
    counted = "1 galaxy" if galaxies == 1 else f"{galaxies:,} galaxies"
    so_far = "" if over else "among those that have entered the survey so far"
    heading("Without an image", f"{counted} {so_far}" if failures else "")
    if not failures:
        caption("None." if over else "None has entered the survey so far.")
        return
    rows = [
        [
            _status(each.status),
            escape(each.reason),
            f"{each.count:,}",
            f'<span class="gz2-ids">{escape(" ".join(str(example) for example in each.examples))}</span>',
            escape(each.advice),
        ]
        for each in failures[:MOST_KINDS]
    ]
    show_table("Without an image", ["Status", "Reason", "*Galaxies", "For example", "What to do"], rows)
    if len(failures) > MOST_KINDS:
        caption(f"The {MOST_KINDS} most frequent of {len(failures):,} kinds of reasons; the files below have all.")


def _pace(standing: Standing) -> dict[str, str]:
    report = standing.report
    if not standing.live:
        mean = report.this_run / standing.seconds if standing.seconds > 0 else 0.0
        return {"Per second, on average": _rate(mean), "It took": duration(standing.seconds)}
    left = "<small>not known yet</small>" if report.remaining is None else duration(report.remaining)
    return {"Per second": _rate(report.per_second), "Time remaining": left}


def _rate(per_second: float) -> str:
    return f"{per_second:.1f}" if per_second >= 1 or not per_second else f"{per_second:.2g}"


def _status(status: str) -> str:
    symbol, word = _STATUS.get(status, ("·", status))
    return f'<span class="gz2-status gz2-{escape(status)}"><i aria-hidden="true">{symbol}</i> {escape(word)}</span>'


def _state(service: ServiceState) -> str:
    symbol, word = _SERVICE.get(service.state, ("·", service.state))
    words = f": {escape(service.words)}" if service.words and service.state != "up" else ""
    mark = {"up": "ok", "down": "failed"}.get(service.state, "missing")
    return f'<span class="gz2-status gz2-{mark}"><i aria-hidden="true">{symbol}</i> {escape(word)}</span>{words}'


def _troubles(service: ServiceState) -> str:
    kinds = sorted(service.troubles.items(), key=lambda kind: -kind[1])
    times = "\N{MULTIPLICATION SIGN}"
    return ", ".join(f"{count:,} {times} {escape(_TROUBLES.get(kind, kind))}" for kind, count in kinds) or "none"


def _bytes(count: int) -> str:
    size = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" or size >= 100 else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.2f} TB"
