from .access import ReasonedAccess
from .announced import rows_updated
from .answer_mark import AnswerMark
from .basket import Basket, BasketRow
from .committee import (
    InterestDeclaration,
    Opinion,
    RapporteurAssignment,
    Report,
)
from .extract import Extract, ExtractState
from .kept import KeptProcedure
from .numbering import NumberSeries
from .permit import (
    CloudResource,
    Credential,
    ExtractDeposit,
    Grant,
    GrantState,
    Outbox,
    Permit,
    Probe,
    ProviderReading,
    Workspace,
)
from .piece import Piece, StoredFile
from .request import (
    EDITABLE_STATES,
    FINAL_STATES,
    AccessRequest,
    RequestDataset,
    RequestMember,
    RequestState,
    RequestVersion,
)
from .stage import Act, ClockReminder, Note, Stage, StagePause, StageState, Task, TransitionLog


__all__ = [
    "EDITABLE_STATES",
    "FINAL_STATES",
    "AccessRequest",
    "Act",
    "AnswerMark",
    "Basket",
    "BasketRow",
    "ClockReminder",
    "CloudResource",
    "Credential",
    "Extract",
    "ExtractDeposit",
    "ExtractState",
    "Grant",
    "GrantState",
    "InterestDeclaration",
    "KeptProcedure",
    "Note",
    "NumberSeries",
    "Opinion",
    "Outbox",
    "Permit",
    "Piece",
    "Probe",
    "ProviderReading",
    "RapporteurAssignment",
    "ReasonedAccess",
    "Report",
    "RequestDataset",
    "RequestMember",
    "RequestState",
    "RequestVersion",
    "Stage",
    "StagePause",
    "StageState",
    "StoredFile",
    "Task",
    "TransitionLog",
    "Workspace",
    "rows_updated",
]
