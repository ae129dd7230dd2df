from .conditions import DeclarationOfInterests, TermsAcceptance, Training
from .email_link import EmailLink
from .invitation import Invitation
from .organisation import Membership, Organisation
from .role import SECOND_FACTOR_ROLES, SITE_ROLES, Role, RoleAssignment
from .second_person import FactorReset, FormerEmail
from .token import ApiToken
from .user import User


__all__ = [
    "SECOND_FACTOR_ROLES",
    "SITE_ROLES",
    "ApiToken",
    "DeclarationOfInterests",
    "EmailLink",
    "FactorReset",
    "FormerEmail",
    "Invitation",
    "Membership",
    "Organisation",
    "Role",
    "RoleAssignment",
    "TermsAcceptance",
    "Training",
    "User",
]
