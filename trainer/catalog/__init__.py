"""Galaxy catalogues from Galaxy Zoo 2 and other tables: ids, positions, ``gz2class``, votes, labels and joins."""

from trainer.catalog.gz2class import Gz2Class, parse_gz2class
from trainer.catalog.identity import ids_of, name_id, position_ids
from trainer.catalog.join import JoinSettings, join
from trainer.catalog.labels import SCHEMES, SchemeLabels, labels_by
from trainer.catalog.reading import TABLE_ROW, read_catalog
from trainer.catalog.report import CatalogReport, JoinReport, LabelReport, ReportCount

__all__ = [
    "SCHEMES",
    "TABLE_ROW",
    "CatalogReport",
    "Gz2Class",
    "JoinReport",
    "JoinSettings",
    "LabelReport",
    "ReportCount",
    "SchemeLabels",
    "ids_of",
    "join",
    "labels_by",
    "name_id",
    "parse_gz2class",
    "position_ids",
    "read_catalog",
]
