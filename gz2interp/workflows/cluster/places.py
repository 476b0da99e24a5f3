"""What a worker is told instead of being sent it: where things are, and what they must be."""

from __future__ import annotations

from dataclasses import dataclass

from gz2interp.errors import Gz2interpError, SurveyError
from gz2interp.stores.survey import Survey
from gz2interp.workflows.opening import Subject

__all__ = ["SubjectAt", "SurveyAt"]


@dataclass(frozen=True)
class SurveyAt:
    """A survey that a worker opens.

    Attributes
    ----------
    path : str
        Or its address.
    data : str
        Its digest.
    """

    path: str
    data: str

    @classmethod
    def of(cls, survey: Survey) -> SurveyAt:
        """Where a survey is that is open here."""
        return cls(survey.address or str(survey.path), survey.digest)

    def __call__(self) -> Survey:
        """The survey, opened.

        Raises
        ------
        SurveyError
            The worker does not see it, or sees another one.
        """
        try:
            survey = Survey.open(self.path)
        except Gz2interpError as error:
            raise SurveyError(
                f"A worker cannot open {self.path}: {error}",
                "A survey that all workers see under the same path or address",
                "Put it on a disk that all machines share, or into an object store",
            ) from None
        if survey.digest != self.data:
            raise SurveyError(
                f"A worker sees another survey at {self.path} (digest {survey.digest}, not {self.data})",
                "The same survey everywhere, and nobody who writes it",
            )
        return survey


@dataclass(frozen=True)
class SubjectAt:
    """A survey and one of its networks.

    Attributes
    ----------
    survey : SurveyAt
    model, network : str
        The name of the model, and the digest of its file.
    """

    survey: SurveyAt
    model: str
    network: str

    @classmethod
    def of(cls, subject: Subject) -> SubjectAt:
        """Where survey and network are that are open here."""
        return cls(SurveyAt.of(subject.survey), subject.model.name, subject.model.digest)

    def __call__(self) -> Subject:
        """Both, opened.

        Raises
        ------
        Gz2interpError
            As `SurveyAt`, or the network is not there, or another one.
        """
        survey = self.survey()
        model = survey.model(self.model)
        if model.digest != self.network:
            raise SurveyError(
                f"A worker sees another network {self.model} (digest {model.digest}, not {self.network})",
                "The same file everywhere",
                "A network that was made here, of a survey at an address, is not seen elsewhere: copy it there too",
            )
        return Subject(survey, model)
