"""The command line ``gz2interp VERB``: each verb calls a workflow and prints its result."""

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
