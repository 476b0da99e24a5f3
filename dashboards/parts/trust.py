"""A check: the verdict, methods and tests, shortcuts, and the comparison of maps with the truth."""

from __future__ import annotations

from html import escape
from typing import Final

import streamlit as st

from dashboards.loading.reports import check_table
from dashboards.parts.style import caption, draw, heading, show_table
from gz2interp.attribution import METHODS
from gz2interp.checks import Check, Finding
from gz2interp.figures.trust import cascade_panel, dots_panel
from gz2interp.trust.verdict import LIMITS, judged_checks, standings, title_of, verdict

__all__ = ["show_check"]

TRUTH: Final = ("relevance_mass", "relevance_rank", "pointing", "causal", "score_falls")
PASSED, FAILED = "✓", "✗"


def show_check(check: Check) -> None:
    """The verdict first, then its evidence."""
    _show_verdict(check)
    _show_methods(check)
    _show_shortcuts(check)
    if "model_randomisation" in judged_checks(check):
        _show_cascade(check)
    if any(name in judged_checks(check) for name in TRUTH):
        _show_truth(check)
    _show_unknown(check)
    st.download_button(
        "Every number (ECSV)",
        lambda: check_table(check),
        f"{check.survey}-{check.model}-check.ecsv",
        "text/plain",
        on_click="ignore",
    )


def _show_verdict(check: Check) -> None:
    first, *rest = verdict(check)
    paragraphs = "".join(f"<p>{escape(sentence)}</p>" for sentence in rest)
    st.html(
        f'<h2 class="gz2-state">Trust in attributions of {escape(check.model)}</h2>'
        f'<div class="gz2-message"><p><b>{escape(first)}</b></p>{paragraphs}</div>'
    )
    parameters = check.provenance.get("parameters", {})
    caption(
        f"Measured for the {check.score}, on {parameters.get('galaxies', '?')} galaxies of {check.survey}, "
        f"on {parameters.get('few', '?')} of them where a method is run a dozen times."
    )


def _show_methods(check: Check) -> None:
    heading("Methods and tests", f"{PASSED} passed, {FAILED} failed; most trustworthy first")
    names = judged_checks(check)
    columns = ["Method", "*Passed", *(f"*{LIMITS[name].title}" for name in names)]
    rows = [
        [escape(title_of(method.method)), f"{method.passed} of {method.judged}"]
        + [_cell(check.of(method.method, name)) for name in names]
        for method in standings(check)
    ]
    show_table("Methods", columns, rows)
    with st.expander("Question and number of each test"):
        show_table("Tests", ["Test", "Question", "Number", "Passed if"], [_question_row(name) for name in names])


def _cell(findings: tuple[Finding, ...]) -> str:
    judged = next((finding for finding in findings if finding.passed is not None), None)
    if judged is None or judged.estimate.value is None:
        return '<span title="not applicable to this method">·</span>'
    kind, mark = ("ok", PASSED) if judged.passed else ("failed", FAILED)
    title = f"{escape(judged.words)} {judged.estimate.plain}, {judged.estimate.count} galaxies"
    return f'<span class="gz2-status gz2-{kind}" title="{title}">{judged.estimate.value:.2f} <i>{mark}</i></span>'


def _question_row(name: str) -> list[str]:
    limit = LIMITS[name]
    than = "a Gaussian at the centre, galaxy by galaxy" if limit.at is None else f"{limit.at:g}"
    rule = f"{'below' if limit.below else 'above'} {than}{', at 95 % confidence' if limit.surely else ''}"
    return [escape(limit.title), escape(limit.question), limit.words, rule]


def _show_shortcuts(check: Check) -> None:
    findings = check.of("", "shortcut")
    if not findings:
        return
    heading("Shortcuts", "effects of properties that are no part of the galaxy")
    rows = [[escape(finding.subject), _shortcut(finding), escape(finding.words)] for finding in findings]
    show_table("Shortcuts", ["Property", "*Effect", "Meaning"], rows)


def _shortcut(finding: Finding) -> str:
    if finding.passed is None or finding.estimate.value is None:
        return "not known"
    kind, mark = ("ok", PASSED) if finding.passed else ("failed", FAILED)
    value, _, interval = finding.estimate.plain.partition(" (")
    return f'<span class="gz2-status gz2-{kind}">{value} ({interval} <i>{mark}</i></span>'


def _show_cascade(check: Check) -> None:
    heading("Model randomisation test", "similarity to the original map, randomised from the output down; judged: mean")
    stages = {method.subject: method for method in check.of(check.methods[0], "model_randomisation") if method.subject}
    shares = [_share(view) for view in stages]
    curves = {
        title_of(method.method): [
            one.estimate.value or 0.0 for one in check.of(method.method, "model_randomisation") if one.subject
        ]
        for method in standings(check)
    }
    draw(cascade_panel(curves, shares), "cascade")


def _share(view: str) -> float:
    """Of ``the top 5 of 21 layers``."""
    numbers = [int(word) for word in view.split() if word.isdigit()]
    return numbers[0] / numbers[1]


def _show_truth(check: Check) -> None:
    classes = list(dict.fromkeys(finding.subject for finding in check.of("(gaussian)") if finding.subject))
    heading(
        "Comparison with the truth", "painted components; galaxies are at the centre, so a Gaussian is hard to beat"
    )
    left, right = st.columns(2)
    name = left.selectbox("Number", TRUTH, format_func=lambda name: LIMITS[name].title, key="trust_number")
    view = right.selectbox(
        "Galaxies predicted as", ["", *classes], format_func=lambda name: name or "any class", key="trust_class"
    )
    rows = [
        (title_of(method), finding.estimate, finding.passed)
        for method in _in_order(check)
        for finding in _of(check, method, name, view)
    ]
    lines = {other: _value(check, f"({other})", name, view) for other in ("random", "gaussian", "light")}
    draw(dots_panel(rows, lines, LIMITS[name].words), "truth")
    caption(LIMITS[name].question + " “light” is the image itself, smoothed by a pixel.")


def _in_order(check: Check) -> list[str]:
    return [method.method for method in standings(check) if method.method in METHODS]


def _of(check: Check, method: str, name: str, view: str) -> list[Finding]:
    return [finding for finding in check.of(method, name) if finding.subject == view]


def _value(check: Check, method: str, name: str, view: str) -> float | None:
    findings = _of(check, method, name, view)
    return findings[0].estimate.value if findings else None


def _show_unknown(check: Check) -> None:
    if check.unknown:
        items = "".join(f"<li>{escape(sentence)}</li>" for sentence in check.unknown)
        st.html(f'<div class="gz2-empty"><h3>Not known</h3><ul>{items}</ul></div>')
