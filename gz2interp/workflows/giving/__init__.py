"""Galaxies of a survey, however they were chosen, handed over: as a table, as images, as regions, or to a program."""

from __future__ import annotations

from gz2interp.workflows.giving.choosing import Wanted, choose
from gz2interp.workflows.giving.exporting import Export, export_selection
from gz2interp.workflows.giving.sending import Sent, send
from gz2interp.workflows.giving.subset import Subset

__all__ = ["Export", "Sent", "Subset", "Wanted", "choose", "export_selection", "send"]
