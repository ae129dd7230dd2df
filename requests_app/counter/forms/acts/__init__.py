"""One form per act: what a person fills in, turned into the payload of `workflow.engine.apply`."""

from .applicant import AnswerPointsForm, WithdrawForm
from .base import ActForm
from .committee import (
    AssignRapporteursForm,
    DeclareInterestForm,
    ExtendOpinionForm,
    IssueOpinionForm,
    LateOpinionForm,
    ReportForm,
    WithdrawMemberForm,
)
from .convention import RecordConventionForm
from .desk import (
    AcceptCompletenessForm,
    CloseForm,
    CloseIncompleteForm,
    CloseTaskForm,
    ConfirmExtractForm,
    CorrectActForm,
    PublishRegisterForm,
    RecordAuthorisationForm,
    RecordConformityForm,
    RecordExtensionForm,
    RecordReceiptForm,
    RecordReferralForm,
    RecordRefusalForm,
    RedirectForm,
    RequestCompletionForm,
)
from .holder import NoRemarkForm, RemarkForm
from .signature import ContestSignatureForm, RefuseSignatureForm, VerifySignatureForm


ACT_FORMS: dict[str, type[ActForm]] = {
    "accept_completeness": AcceptCompletenessForm,
    "request_completion": RequestCompletionForm,
    "redirect": RedirectForm,
    "close_incomplete": CloseIncompleteForm,
    "file_remark": RemarkForm,
    "file_no_remark": NoRemarkForm,
    "declare_interest": DeclareInterestForm,
    "withdraw_member": WithdrawMemberForm,
    "assign_rapporteurs": AssignRapporteursForm,
    "file_report": ReportForm,
    "extend_opinion": ExtendOpinionForm,
    "issue_opinion": IssueOpinionForm,
    "file_late_opinion": LateOpinionForm,
    "answer_points": AnswerPointsForm,
    "record_referral": RecordReferralForm,
    "record_receipt": RecordReceiptForm,
    "record_extension": RecordExtensionForm,
    "record_authorisation": RecordAuthorisationForm,
    "record_refusal": RecordRefusalForm,
    "publish_register": PublishRegisterForm,
    "record_conformity": RecordConformityForm,
    "record_convention": RecordConventionForm,
    "confirm_extract": ConfirmExtractForm,
    "close": CloseForm,
    "withdraw": WithdrawForm,
    "verify_signature": VerifySignatureForm,
    "refuse_signature": RefuseSignatureForm,
    "contest_signature": ContestSignatureForm,
    "close_task": CloseTaskForm,
    "correct_act": CorrectActForm,
}
