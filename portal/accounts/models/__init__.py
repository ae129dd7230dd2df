from .conditions import DeclarationOfInterests, TermsAcceptance, Training
from .invitation import Invitation
from .organisation import Membership, Organisation
from .role import Role, RoleAssignment
from .token import ApiToken
from .user import User


__all__ = [
    "ApiToken",
    "DeclarationOfInterests",
    "Invitation",
    "Membership",
    "Organisation",
    "Role",
    "RoleAssignment",
    "TermsAcceptance",
    "Training",
    "User",
]
