from .conditions import DeclarationOfInterests, TermsAcceptance, Training
from .email_link import EmailLink
from .invitation import Invitation
from .organisation import Membership, Organisation
from .role import SECOND_FACTOR_ROLES, SITE_ROLES, Role, RoleAssignment
from .token import ApiToken
from .user import User


__all__ = [
    "SECOND_FACTOR_ROLES",
    "SITE_ROLES",
    "ApiToken",
    "DeclarationOfInterests",
    "EmailLink",
    "Invitation",
    "Membership",
    "Organisation",
    "Role",
    "RoleAssignment",
    "TermsAcceptance",
    "Training",
    "User",
]
