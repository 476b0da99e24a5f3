"""What tells a cluster from the rest: columns compared, a sentence with numbers, flags for what is no galaxy's."""

from __future__ import annotations

from gz2interp.embedding.describing.columns import Column, flag_column, number_column, word_columns
from gz2interp.embedding.describing.comparing import compared, with_rates
from gz2interp.embedding.describing.flags import flags_of
from gz2interp.embedding.describing.mirrors import Mirrors
from gz2interp.embedding.describing.sentences import sentence

__all__ = [
    "Column",
    "Mirrors",
    "compared",
    "flag_column",
    "flags_of",
    "number_column",
    "sentence",
    "with_rates",
    "word_columns",
]
