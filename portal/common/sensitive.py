"""Columns that the administration never reads, shows, sorts by or looks up, and why.

One place, read by the base of every admin list (`portal.common.guarded_admin`). Models are named by
their label: this room knows none of them. A test asks that each column whose name or type could
hold a secret or somebody's words is declared here, as sensitive or as harmless.
"""

from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from django.core.exceptions import FieldDoesNotExist
from django.db.models import Model, QuerySet
from django.db.models.constants import LOOKUP_SEP


Row = TypeVar("Row", bound=Model)

_LINK = "its fingerprint stands for a link or a key that acts by itself"
_FILE = "content of a file: reading one takes a logged reason, on the site's own page"
_WORDS = "somebody's words about a person or a file, read on the pages of those concerned"

SENSITIVE: Mapping[str, Mapping[str, str]] = {
    "accounts.user": {
        "password": "opens the account of whoever chose a weak one",
        "sub": "the person's identifier at the identity provider",
    },
    "accounts.apitoken": {"token_hash": _LINK},
    "accounts.emaillink": {"token_hash": _LINK},
    "accounts.invitation": {"token_hash": _LINK, "about": "may hold the title of a request"},
    "accounts.membership": {"answer": _WORDS},
    "audit.audittext": {"salt": "with it an erased text could be guessed from its fingerprint"},
    "notifications.message": {
        "subject": "may hold the title of a request",
        "body": "holds links that act by themselves, and words about a request",
    },
    "requests_app.accessrequest": {"title": _FILE, "content": _FILE, "orientation": _FILE},
    "requests_app.act": {"data": _FILE, "text": _FILE, "correction_reason": _WORDS},
    "requests_app.answermark": {"text": _WORDS},
    "requests_app.basket": {"visitor_key": "opens the basket of a visitor"},
    "requests_app.basketrow": {"variables": "what a person looks for, before any request"},
    "requests_app.credential": {"ciphertext": "the secret half of a storage key"},
    "requests_app.extract": {"manifest": _FILE, "problem": _FILE},
    "requests_app.extractdeposit": {"file_name": _FILE, "sha256": _FILE, "refused_reason": _WORDS},
    "requests_app.grant": {"source_addresses": "network addresses of a person"},
    "requests_app.interestdeclaration": {"answer": _WORDS, "reason": _WORDS},
    "requests_app.note": {"text": _WORDS},
    "requests_app.opinion": {"headings": _FILE, "points": _FILE, "answers": _FILE},
    "requests_app.permit": {"scope": _FILE, "reason": _WORDS},
    "requests_app.piece": {"waiver_reason": _WORDS, "review_comment": _WORDS},
    "requests_app.providerreading": {
        "data": "what the provider holds, for the operators' pages",
        "problem": "what the provider answered, for the operators' pages",
    },
    "requests_app.report": {"headings": _FILE, "points": _FILE},
    "requests_app.requestmember": {"source_addresses": "network addresses of a person"},
    "requests_app.requestversion": {"content": _FILE},
    "requests_app.storedfile": {"file": _FILE, "name": _FILE, "sha256": _FILE},
    "requests_app.task": {"note": _WORDS},
    "requests_app.workspace": {
        "paces": "what the provider answered, for the operators' pages",
    },
    "otp_static.statictoken": {"token": "a recovery code"},
    "otp_totp.totpdevice": {"key": "the seed of an authenticator"},
    "sessions.session": {"session_key": "opens a session", "session_data": "opens a session"},
}

_IDS = "opaque ids, codes and numbers only"
_SHOWN = "shown on the page of its row, to whoever reads that list; in no look-up"
_PRINT = "a fingerprint that is printed on documents or compared in public"
_PUBLIC = "a description that the public reads, or will once published"

# Read by the test alone: looked at and found to hold nothing of the kind.
HARMLESS: Mapping[str, Mapping[str, str]] = {
    "accounts.factorreset": {"reason": _SHOWN},
    "accounts.organisation": {"address": "of a legal body", "suspension_reason": _SHOWN},
    "admin.logentry": {
        "object_id": _IDS,
        "change_message": "names of the columns changed",
        "content_type": "a table",
    },
    "audit.auditevent": {
        "about": _IDS,
        "data": _IDS,
        "text_hash": "salted; the salt is not read",
        "once_key": "a hash of ids",
    },
    "audit.audithead": {"hash": _PRINT},
    "audit.auditseal": {"hash": _PRINT},
    "audit.audittext": {"text": "the log's words, on the page of an event: its readers' work"},
    "catalog.importrun": {"applied": "codes of datasets", "counts": "numbers of rows"},
    "catalog.indexlease": {"token": "names the process that holds the lease"},
    "catalog.indexoutbox": {"key": "names of catalogue descriptions"},
    "catalog.stagedrow": {"payload": "rows of a catalogue file", "file": "a file's name"},
    "notifications.message": {"about": _IDS, "once_key": "a hash of ids"},
    "requests_app.accessrequest": {
        "content_revision": "a counter",
        "content_edited_by": "who, not what",
        "content_edited_at": "when, not what",
    },
    "requests_app.cloudresource": {
        "logical_key": "a name of ours",
        "spec_hash": "a hash of names of ours",
        "last_error": _SHOWN,
    },
    "requests_app.credential": {
        "access_key": "the public half of a storage key",
        "withdrawn_reason": "a code",
    },
    "requests_app.grant": {"reason": _SHOWN, "missing": "codes of conditions"},
    "requests_app.keptprocedure": {"text": "the procedure that requests follow"},
    "requests_app.outbox": {"data": _IDS},
    "requests_app.permit": {"notices_sent": "which notices were sent"},
    "requests_app.piece": {"file": _IDS},
    "requests_app.reasonedaccess": {"reason": "what the list is there to show"},
    "requests_app.requestversion": {"sha256": _PRINT, "signed_file": _IDS},
    "requests_app.stagepause": {"reason": "a code"},
    "requests_app.storedfile": {"content_type": "a format"},
    "requests_app.workspace": {"hold_reason": _SHOWN, "last_error": _SHOWN},
}
HARMLESS_MODELS: Mapping[str, str] = {
    "catalog.dataholder": _PUBLIC,
    "catalog.dataset": _PUBLIC,
    "catalog.distribution": _PUBLIC,
    "catalog.table": _PUBLIC,
    "catalog.tablekey": _PUBLIC,
    "catalog.variable": _PUBLIC,
    "auth.permission": "names of Django's permissions, which add nothing here",
    "contenttypes.contenttype": "names of tables",
    "dsfr.dsfrconfig": "texts of the site's header and footer",
}


def sensitive_columns(model: type[Model]) -> frozenset[str]:
    """Names of the model's columns that the administration never reads."""
    return frozenset(SENSITIVE.get(model._meta.label_lower, ()))  # noqa: SLF001


def touches_sensitive(model: type[Model], path: str) -> bool:
    """Whether a look-up or an order through relations (`"user__password__regex"`) reads one."""
    at: type[Model] = model
    for part in path.lstrip("-").split(LOOKUP_SEP):
        name = at._meta.pk.name if part == "pk" and at._meta.pk else part  # noqa: SLF001
        if name in sensitive_columns(at):
            return True
        try:
            field = at._meta.get_field(name)  # noqa: SLF001
        except FieldDoesNotExist:
            return False  # a transform, an annotation
        if not field.is_relation or not isinstance(field.related_model, type):
            return False
        at = field.related_model
    return False


def _joined(model: type[Model], chosen: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """Sensitive columns of the tables that `select_related` joins, as paths."""
    for name, deeper in chosen.items():
        related = model._meta.get_field(name).related_model  # noqa: SLF001
        if isinstance(related, type):
            path = f"{prefix}{name}{LOOKUP_SEP}"
            yield from (f"{path}{column}" for column in sensitive_columns(related))
            yield from _joined(related, deeper, path)


def without_sensitive(queryset: QuerySet[Row]) -> QuerySet[Row]:
    """The same rows, their sensitive columns left in the database, those of joined tables too."""
    chosen = queryset.query.select_related
    paths = set(sensitive_columns(queryset.model))
    if isinstance(chosen, dict):
        paths |= set(_joined(queryset.model, chosen))
    return queryset.defer(*sorted(paths)) if paths else queryset
