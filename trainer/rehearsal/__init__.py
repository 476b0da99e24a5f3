"""Archives on this machine that speak the real protocols and have bad days on purpose, to try a download on."""

from trainer.rehearsal.faults import LASTING, TRANSIENT, Faults
from trainer.rehearsal.server import ArchiveServer
from trainer.rehearsal.skies import FrameSky, SimpleSky, SimulatedSky

__all__ = ["LASTING", "TRANSIENT", "ArchiveServer", "Faults", "FrameSky", "SimpleSky", "SimulatedSky"]
