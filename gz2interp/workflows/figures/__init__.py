"""``gz2interp figure``: figures for papers, each with its caption and its data."""

from gz2interp.workflows.figures.drawing import Drawing, write_drawing
from gz2interp.workflows.figures.drawn import LAYOUTS, draw_figure
from gz2interp.workflows.figures.each import draw_each
from gz2interp.workflows.figures.wish import Wish

__all__ = ["LAYOUTS", "Drawing", "Wish", "draw_each", "draw_figure", "write_drawing"]
