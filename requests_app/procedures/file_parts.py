"""Parts of a file: what rights give to each quality, and where a form lays each of its answers.

Who sees which is said in `requests_app.rights.visibility`.
"""

from typing import Final


CARD: Final = frozenset({"status", "card"})
FILE: Final = CARD | {
    "summary",
    "purpose",
    "persons",
    "specification",
    "content",
    "pieces",
    "versions",
}
COURSE: Final = frozenset({"timeline", "acts", "permit", "grants", "log"})
PARTS: Final = (
    FILE
    | COURSE
    | {
        "version_to_sign",
        "remarks",
        "own_remark",
        "opinion",
        "reports",
        "interests",
        "committee",
        "notes",
        "tasks",
        "own_grant",
        "full_log",
    }
)
# What anybody may read of a project once it is in the register.
PUBLIC: Final = CARD | {"summary", "purpose"}
