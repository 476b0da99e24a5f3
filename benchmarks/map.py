"""How long a map takes in a real browser: the dashboard's map beside ``st.plotly_chart`` with every point.

``python benchmarks/map.py`` starts one Streamlit server per map, opens it in a headless Chromium that renders in
software, and measures, as medians of some rounds, the time to the first picture, and a lasso of 24 movements: from
pressing the button to letting go (a map that looks at every point at every movement drags behind the hand), from the
end of a lasso to the server's answer, and to the map that shows the members (plotly's own fades the others while the
hand still moves: there it is the answer's time). Both lassos are the same circle in map coordinates. The two take turns
in every round, so that a busy machine is busy for both.
"""

from __future__ import annotations

import argparse
import contextlib
import math
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
ARGUMENTS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"]

POINTS = """
import sys
import numpy as np, streamlit as st
sys.path.insert(0, {root!r})
st.set_page_config(layout="wide")

@st.cache_resource
def points():
    rng = np.random.default_rng(0)
    centres = rng.normal(0, 4, (12, 2))
    return (centres[rng.integers(0, 12, {n})] + rng.normal(0, 1, ({n}, 2))).astype(np.float32)

xy = points()
"""

OURS = """
from dashboards.map_component import map_events, plotly_library, show_map
from gz2interp.figures.colours import categories
from gz2interp.figures.density import inside_polygon, window_of
from gz2interp.figures.map import MapPoints, MapView, map_figure

@st.cache_resource
def prepared():
    n = len(xy)
    words = np.array(["smooth", "spiral", "edge-on"])[np.random.default_rng(1).integers(0, 3, n)].tolist()
    ids = [str(588015507658768484 + row) for row in range(n)]
    order = np.random.default_rng(0).permutation(n)
    return MapPoints(xy, ids, words, words, order), categories("label", words), window_of(xy)

shown, colouring, home = prepared()

def answer():
    event = map_events("map").event
    st.session_state["polygon"] = np.array(event.polygon)
    st.session_state["serial"] = map_events("map").serial

polygon = st.session_state.get("polygon")
members = None if polygon is None else inside_polygon(xy, polygon)
if members is not None:
    st.markdown(f"answer {int(members.sum())} of {st.session_state['serial']}")
figure = map_figure(shown, colouring, MapView(home, 0, members, polygon))
show_map(figure, "map", home, answered=st.session_state.get("serial", 0), on_event=answer)
plotly_library()
"""

THEIRS = """
import plotly.graph_objects as go

points = go.Scattergl(x=xy[:, 0], y=xy[:, 1], mode="markers", marker={"size": 3})
figure = go.Figure(points, layout={"dragmode": "lasso", "height": 640})
event = st.plotly_chart(figure, on_select="rerun", selection_mode="lasso", key="map")
found = event.selection.point_indices
if len(found):
    st.markdown(f"answer {len(found)} of them")
"""

CIRCLE = """
() => {
  const plot = document.querySelector(".js-plotly-plot");
  const { xaxis, yaxis } = plot._fullLayout;
  const [x, y, radius] = [-0.5, 0, 6];
  return Array.from({ length: 25 }, (_, step) => (step * 2 * Math.PI) / 24).map((angle) =>
    [xaxis.d2p(x + radius * Math.cos(angle)), yaxis.d2p(y + radius * Math.sin(angle))]);
}
"""


@dataclass
class Timing:
    """Seconds, a list entry for each round; infinity where the limit was reached."""

    first: list[float] = field(default_factory=list)
    drawing: list[float] = field(default_factory=list)
    lasso: list[float] = field(default_factory=list)
    redrawn: list[float] = field(default_factory=list)
    members: int = 0


@contextlib.contextmanager
def served(script: str, folder: Path) -> Iterator[str]:
    """A Streamlit server of its own for a script."""
    file = folder / "page.py"
    file.write_text(script)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = [f"--server.port={port}", "--server.headless=true", "--server.fileWatcherType=none"]
    quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen([sys.executable, "-m", "streamlit", "run", str(file), *options], cwd=ROOT, **quiet) as server:
        try:
            while not _answers(port):
                time.sleep(0.1)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()


def measure(browser: Any, address: str, ours: bool, limit: float, timing: Timing) -> None:
    """One round: open the page, draw a lasso, wait for the answer."""
    from playwright.sync_api import TimeoutError as TooLong

    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.set_default_timeout(limit * 1000)
    begun = time.perf_counter()
    try:
        page.goto(address)
        page.wait_for_selector(".gz2-map[data-drawn]" if ours else ".js-plotly-plot .nsewdrag")
        timing.first.append(time.perf_counter() - begun)
        page.wait_for_timeout(1000)
        if ours:
            page.click('[data-tool="lasso"]')
        pressed = time.perf_counter()
        encircle(page)
        begun = time.perf_counter()
        timing.drawing.append(begun - pressed)
        page.mouse.up()
        page.get_by_text("answer ").wait_for()
        timing.lasso.append(time.perf_counter() - begun)
        if ours:
            page.wait_for_selector('.gz2-map[data-answered="1"]:not(.gz2-busy)')
        timing.redrawn.append(time.perf_counter() - begun)
        timing.members = int(page.get_by_text("answer ").inner_text().split()[1])
    except TooLong:
        (timing.lasso if len(timing.first) > len(timing.lasso) else timing.first).append(math.inf)
    finally:
        page.close()


def encircle(page: Any) -> None:
    """Draw a circle that encloses most of the points, the same for both maps, and keep the button down."""
    corner = page.locator(".js-plotly-plot .nsewdrag").first.bounding_box()
    vertices = [(corner["x"] + x, corner["y"] + y) for x, y in page.evaluate(CIRCLE)]
    page.mouse.move(*vertices[0])
    page.mouse.down()
    for vertex in vertices[1:]:
        page.mouse.move(*vertex)


def main() -> None:
    """Measure, and print one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, nargs="+", default=[240_000, 1_000_000])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--limit", type=float, default=120.0, help="seconds after which the answer counts as never")
    parser.add_argument("--chromium", default=os.environ.get("GZ2INTERP_CHROMIUM") or shutil.which("chromium"))
    options = parser.parse_args()
    print(f"medians of {options.rounds} rounds, in seconds")
    columns = ("first picture", "drawing a lasso", "lasso to answer", "lasso to map")
    print(f"{'points':>10} {'map':<16} {' '.join(f'{column:>16}' for column in columns)}")
    lassos, whole = {}, {}
    for n in options.points:
        for name, timing in compare(n, options).items():
            lassos[n, name] = middle(timing.lasso)
            whole[n, name] = middle(timing.drawing) + middle(timing.lasso)
            times = (timing.first, timing.drawing, timing.lasso, timing.redrawn)
            seconds = " ".join(f"{told(each):>16}" for each in times)
            print(f"{n:>10,} {name:<16} {seconds} {timing.members:>9,} inside", flush=True)
        for what, both in (("lasso to answer", lassos), ("with the drawing", whole)):
            print(f"{n:>10,} {what}: st.plotly_chart / ours = {ratio(both[n, 'st.plotly_chart'], both[n, 'ours'])}")
    few, many = min(options.points), max(options.points)
    print(f"ours, {many:,} / {few:,} points: lasso {ratio(lassos[many, 'ours'], lassos[few, 'ours'])}")


def compare(n: int, options: argparse.Namespace) -> dict[str, Timing]:
    """Both maps with n points; one that has not answered in time is not asked again."""
    from playwright.sync_api import sync_playwright

    timings = {"ours": Timing(), "st.plotly_chart": Timing()}
    with (
        tempfile.TemporaryDirectory() as first,
        tempfile.TemporaryDirectory() as second,
        sync_playwright() as playwright,
    ):
        head = POINTS.format(root=str(ROOT), n=n)
        with served(head + OURS, Path(first)) as ours, served(head + THEIRS, Path(second)) as theirs:
            for _ in range(options.rounds):
                for name, address in (("ours", ours), ("st.plotly_chart", theirs)):
                    if math.inf in timings[name].first + timings[name].lasso:
                        continue
                    browser = playwright.chromium.launch(executable_path=options.chromium, args=ARGUMENTS)
                    measure(browser, address, name == "ours", options.limit, timings[name])
                    browser.close()
    return timings


def told(seconds: list[float]) -> str:
    """A median in words."""
    return "never" if math.isinf(middle(seconds)) else f"{middle(seconds):.2f}"


def middle(seconds: list[float]) -> float:
    """The median; infinity of nothing."""
    return statistics.median(seconds or [math.inf])


def ratio(above: float, below: float) -> str:
    """A ratio in words."""
    return "beyond the limit" if math.isinf(above) else f"{above / below:.2f}"


def _answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


if __name__ == "__main__":
    main()
