"""What another network says of a sheet's images: ``features/agreements/HASH/``, which dies with the sheet.

The folder bears the digest of the other network's analysis, and holds ``channels.parquet`` (a row per channel) and
``provenance.json``, which is written last.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from gz2interp.results import Provenance
from gz2interp.stores.analyses import Analysis
from gz2interp.stores.features import FeaturesFolder
from gz2interp.stores.files import write_json
from gz2interp.stores.kept import KeptFolder
from gz2interp.stores.tables import read_parquet, write_parquet

__all__ = ["AgreementFolder", "agreement_folder"]


@dataclass(frozen=True)
class AgreementFolder(KeptFolder):
    """``agreements/HASH/`` of a sheet."""

    @property
    def table(self) -> pd.DataFrame:
        """A row per channel: see `gz2interp.workflows.features.agreed`."""
        return read_parquet(self.path / "channels.parquet")

    def write(self, table: pd.DataFrame, provenance: Provenance) -> None:
        """Keep the answer, in place of what was there."""
        (self.path / "provenance.json").unlink(missing_ok=True)
        write_parquet(self.path / "channels.parquet", table)
        write_json(self.path / "provenance.json", provenance.to_json())


def agreement_folder(features: FeaturesFolder, other: Analysis) -> AgreementFolder:
    """The folder of a sheet for another network's analysis, made or not."""
    return AgreementFolder(features.path / "agreements" / other.provenance.digest)
