"""Download of the cutouts of a survey from archives."""

from trainer.download.loop import download
from trainer.download.report import Report, read_report
from trainer.download.runs import DownloadPlan, open_download

__all__ = ["DownloadPlan", "Report", "download", "open_download", "read_report"]
