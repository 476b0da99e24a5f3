"""Simulated archives on this machine with the real protocols and random faults, to test downloads."""

from trainer.rehearsal.faults import LASTING, TRANSIENT, Faults
from trainer.rehearsal.server import ArchiveServer
from trainer.rehearsal.skies import FrameSky, SimpleSky, SimulatedSky

__all__ = ["LASTING", "TRANSIENT", "ArchiveServer", "Faults", "FrameSky", "SimpleSky", "SimulatedSky"]
