"""The command line ``gz2interp VERB``: it opens, asks a workflow and says what came of it; nothing is computed here."""

from __future__ import annotations

from gz2interp.cli import blocks, clusters, drawing, explaining, giving, maps, rating_loop, spaces, surveys, unusual
from gz2interp.cli.app import app, main

__all__ = [
    "app",
    "blocks",
    "clusters",
    "drawing",
    "explaining",
    "giving",
    "main",
    "maps",
    "rating_loop",
    "spaces",
    "surveys",
    "unusual",
]
