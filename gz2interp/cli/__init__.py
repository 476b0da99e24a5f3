"""The command line ``gz2interp VERB``: it opens, asks a workflow and says what came of it; nothing is computed here."""

from __future__ import annotations

from gz2interp.cli import clusters, drawing, explaining, features, giving, maps, models, spaces, surveys, unusual
from gz2interp.cli.app import app, main

__all__ = [
    "app",
    "clusters",
    "drawing",
    "explaining",
    "features",
    "giving",
    "main",
    "maps",
    "models",
    "spaces",
    "surveys",
    "unusual",
]
