"""What a paper figure holds: shared scales, every panel, a caption, and the same bytes each time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gz2interp.errors import InputError
from gz2interp.figures.paper import Row, attribution_figure, caption, save_figure


def rows(per_band: bool, n: int = 2) -> list[Row]:
    rng = np.random.default_rng(0)
    shape = (16, 16, 5) if per_band else (16, 16)
    return [
        Row(
            rng.random((16, 16, 5)).astype(np.float32),
            rng.normal(size=shape).astype(np.float32) * 10**i,
            f"galaxy {i}",
            0.396,
        )
        for i in range(n)
    ]


@pytest.mark.parametrize("per_band", [True, False])
def test_all_galaxies_share_one_scale(per_band: bool) -> None:
    drawn = rows(per_band)
    figure = attribution_figure(drawn, "ugriz", "score")
    panels = [axis for axis in figure.axes if axis.images]
    assert len(panels) == 2 * (12 if per_band else 7)
    bar = figure.axes[-1]
    low, high = bar.get_ylim()
    assert low == -high
    totals = np.abs(np.stack([row.attribution.sum(axis=-1) if per_band else row.attribution for row in drawn]))
    singles = np.abs(np.stack([row.attribution for row in drawn]))
    assert high == pytest.approx(max(np.quantile(totals, 0.995), np.quantile(singles, 0.995)), rel=1e-5)
    limits = {axis.images[0].get_clim() for axis in panels if axis.images[0].cmap.name == "against_for"}
    assert limits == {(-high, high)}


def test_the_image_is_shown_the_right_way_up() -> None:
    image = np.zeros((16, 16, 5), np.float32)
    image[2, 12] = 1
    figure = attribution_figure([Row(image, image, "", 0.396)], "ugriz", "score")
    shown = figure.axes[0].images[0]
    assert shown.origin == "lower"
    assert np.unravel_index(np.argmax(shown.get_array()), (16, 16)) == (2, 12)


@pytest.mark.parametrize("suffix", [".pdf", ".svg", ".png"])
def test_same_input_same_bytes_and_the_caption_beside(tmp_path: Path, suffix: str) -> None:
    words = caption("Grad-CAM", "a paper", "logit(spiral)", ["layer block3"], ("d" * 16, "m" * 16), "painted")
    for name in ("a", "b"):
        save_figure(attribution_figure(rows(False), "ugriz", "score"), tmp_path / f"{name}{suffix}", words)
    assert (tmp_path / f"a{suffix}").read_bytes() == (tmp_path / f"b{suffix}").read_bytes()
    assert (tmp_path / "a.txt").read_text() == words + "\n"
    for part in ("Grad-CAM (a paper)", "logit(spiral)", "layer block3", "Model mmmm", "Images: painted"):
        assert part in words


def test_wrong_figures_are_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"\.pdf, \.svg, \.png"):
        save_figure(attribution_figure(rows(False), "ugriz", "score"), tmp_path / "a.gif", "")
    with pytest.raises(InputError, match="no galaxy"):
        attribution_figure([], "ugriz", "score")
