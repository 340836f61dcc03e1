"""The one error tree: raise the narrowest class, catch only where you can act."""

from __future__ import annotations

from collections.abc import Mapping


class FleetError(Exception):
    """The request could not be carried out."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (type(self).__doc__ or "").strip())

    @property
    def message(self) -> str:
        """The sentence to show to the user."""
        return str(self)


class NotFound(FleetError):
    """The requested item does not exist."""


class InvalidInput(FleetError):
    """The input is not valid."""


class OutOfRange(InvalidInput):
    """A value lies outside the range for which the formula or setting is valid."""


class Conflict(FleetError):
    """Somebody else changed this meanwhile."""


class RequestReused(FleetError):
    """This request id was already used for another request; nothing was done."""


class Forbidden(FleetError):
    """Your role does not allow this."""


class NotConfirmed(Forbidden):
    """Confirm this with your own password; nothing was changed."""


class NeedsSecondPerson(Forbidden):
    """A second person has to approve this; ask for it on its page of the portal.

    Attributes
    ----------
    act : str
        The name of the use case.
    arguments : Mapping
        As plain values.
    effects : str
        Canonical text of the events that it would add.
    """

    def __init__(self, act: str, arguments: Mapping[str, object], effects: str) -> None:
        super().__init__(
            "A second person has to approve this; ask for it on its page of the portal."
        )
        self.act, self.arguments, self.effects = act, arguments, effects


class WaitsForSecondPerson(FleetError):
    """This waits for a second person."""


class ModelRejected(FleetError):
    """The model does not keep the contract."""


class ModelUnavailable(FleetError):
    """No verified model can serve this forecast."""


class CalibrationInsufficient(FleetError):
    """There are too few scored days for a bound at this confidence."""


class PlanInfeasible(FleetError):
    """No plan keeps every limit that was set."""


class ServiceUnavailable(FleetError):
    """A service that this needs does not answer."""
