"""Galaxy Zoo 2 tables into catalogues: identity, positions, the grammar of ``gz2class``, labels, and a report."""

from trainer.catalog.gz2class import Gz2Class, parse_gz2class
from trainer.catalog.identity import ids_of, name_id, position_ids
from trainer.catalog.join import Join, join
from trainer.catalog.labels import SCHEMES, Labels, labels_by
from trainer.catalog.reading import TABLE_ROW, read_catalog
from trainer.catalog.report import CatalogReport, Count, JoinReport, LabelReport

__all__ = [
    "SCHEMES",
    "TABLE_ROW",
    "CatalogReport",
    "Count",
    "Gz2Class",
    "Join",
    "JoinReport",
    "LabelReport",
    "Labels",
    "ids_of",
    "join",
    "labels_by",
    "name_id",
    "parse_gz2class",
    "position_ids",
    "read_catalog",
]
