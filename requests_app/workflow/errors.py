"""What the engine refuses, in words for the person."""


class WorkflowError(Exception):
    """Nothing was changed."""

    reasons: list[str]

    def __init__(self, reasons: list[str]) -> None:
        super().__init__(" ".join(reasons))
        self.reasons = reasons


class TransitionRefused(WorkflowError):
    """A rule does not hold: `reasons` say which, each with what to do."""


class NotAllowed(WorkflowError):
    """The person is not one who may do this; pages answer 404 or 403 by what they may see."""
