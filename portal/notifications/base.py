"""One class per message. `Notice.send()` writes rows in the caller's transaction, sends nothing."""

import hashlib
import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID

from django.conf import settings
from django.template import Context
from django.template.backends.django import DjangoTemplates
from django.template.loader import get_template
from django.template.loader_tags import BlockNode
from django.utils import timezone, translation
from django.utils.functional import Promise

from portal.accounts.models import User

from .models import Message


# How long the text of a link is kept when the sender does not say when the link ends.
LINK_KEPT = timedelta(days=1)

_notices: dict[str, "type[Notice]"] = {}
_BLANKS = re.compile(r"[ \t\r\n]+")  # not \s: non-breaking spaces stay
_SPACES = "\u00a0\u202f"  # of French punctuation: not printable for Python
_LINES = re.compile(r"\n{3,}")


class Notice:
    """A message of the portal. Subclasses are registered by being defined.

    `code` such as `"request.completed"`; `template` a file under `templates/` with a `subject` and
    a `body` block (default `email/<code, dots as underscores>.txt`); `label` for the admin;
    `sensitive` for a link that acts by itself (its text is wiped once sent, never shown again).

    The template knows the caller's context, `recipient` (User or None), `portal_url`, and `url`:
    the absolute address made from `path` when the context has one.
    """

    code: ClassVar[str] = ""
    template: ClassVar[str] = ""
    label: ClassVar["str | Promise"] = ""
    sensitive: ClassVar[bool] = False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if not cls.code:
            return  # an abstract family
        known = _notices.get(cls.code)
        if known is not None and known.__qualname__ != cls.__qualname__:
            raise ValueError(f"notice {cls.code!r} is defined twice")
        cls.template = cls.template or f"email/{cls.code.replace('.', '_')}.txt"
        _notices[cls.code] = cls

    @classmethod
    def send(
        cls,
        to: "User | str | Iterable[User | str]",
        context: Mapping[str, Any],
        *,
        about: UUID | None = None,
        send_after: datetime | None = None,
        once: str = "",
        until: datetime | None = None,
    ) -> list[Message]:
        """Write one message per distinct recipient; they are sent after the commit.

        `to`: persons, or addresses of people without an account. `once`: a key such as
        `"grant-<id>-30d"`: the same notice is then written once per recipient, however many
        calls. `until`: when a link of a sensitive notice ends; its text is neither kept nor sent
        after that. Disabled accounts get a row that says why it is not sent. Returns what was
        written.
        """
        after = send_after or timezone.now()
        end = (until or after + LINK_KEPT) if cls.sensitive else None
        messages = [
            cls._message(person, context, about, after, once, end) for person in _distinct(to)
        ]
        if not once:
            return Message.objects.bulk_create(messages)
        keys = [message.once_key for message in messages]
        known = set(Message.objects.filter(once_key__in=keys).values_list("once_key", flat=True))
        fresh = [message for message in messages if message.once_key not in known]
        return Message.objects.bulk_create(fresh, ignore_conflicts=True)

    @classmethod
    def _message(
        cls,
        person: "User | str",
        context: Mapping[str, Any],
        about: UUID | None,
        send_after: datetime,
        once: str,
        expires_at: datetime | None,
    ) -> Message:
        user = person if isinstance(person, User) else None
        subject, body = render(
            cls.template, {**context, "recipient": user, "sensitive": cls.sensitive}
        )
        reason = why_skipped(user) if user else ""
        who = str(user.pk) if user else _mailbox(str(person))
        key = hashlib.sha256("\x1f".join((cls.code, who, once)).encode()).hexdigest()
        return Message(
            code=cls.code,
            recipient=user,
            address="" if user else str(person),
            subject=subject[:300],
            body="" if cls.sensitive and reason else body,
            about=about,
            sensitive=cls.sensitive,
            expires_at=expires_at,
            once_key=key if once else None,
            send_after=send_after,
            state=Message.State.SKIPPED if reason else Message.State.PENDING,
            last_error=reason,
        )


def _distinct(to: "User | str | Iterable[User | str]") -> list["User | str"]:
    people = [to] if isinstance(to, User | str) else to
    seen: dict[str, User | str] = {}
    for person in people:
        key = str(person.pk) if isinstance(person, User) else _mailbox(person)
        if key:
            seen.setdefault(key, person if isinstance(person, User) else person.strip())
    return list(seen.values())


def _mailbox(address: str) -> str:
    """Two addresses are one when only the case of plain letters differs: K is no k."""
    address = address.strip()
    return address.lower() if address.isascii() else address


def why_skipped(user: User) -> str:
    """Why a person gets no mail; "" when they do."""
    with translation.override(settings.LANGUAGE_CODE):
        if not user.is_active:
            return translation.gettext("compte désactivé")
        return "" if user.email else translation.gettext("aucune adresse")


def registered() -> "list[type[Notice]]":
    """Every notice, by code."""
    return [_notices[code] for code in sorted(_notices)]


def label_of(code: str) -> str:
    """Label of a notice, or its code."""
    notice = _notices.get(code)
    return str(notice.label or code) if notice else code


def absolute_url(path: str) -> str:
    """Address of a page of the portal, for use in a mail."""
    return f"{settings.PUBLIC_URL.rstrip('/')}/{path.lstrip('/')}"


def render(template_name: str, context: Mapping[str, Any]) -> tuple[str, str]:
    """Subject (one line) and body of a message. Raises LookupError when a block is absent."""
    backend_template = get_template(template_name)
    if not isinstance(backend_template.backend, DjangoTemplates):
        raise LookupError(f"{template_name}: not a Django template")
    template = backend_template.template
    nodes = template.nodelist.get_nodes_by_type(BlockNode)
    blocks = {node.name: node.nodelist for node in nodes if isinstance(node, BlockNode)}
    if not {"subject", "body"} <= set(blocks):
        raise LookupError(f"{template_name}: a message has a subject block and a body block")
    values = {
        "portal_url": settings.PUBLIC_URL,
        "contact_email": settings.SITE_FACTS["contact_email"],
        "url": absolute_url(str(context["path"])) if context.get("path") else "",
        **context,
    }
    parts = []
    with translation.override(settings.LANGUAGE_CODE):
        for name in ("subject", "body"):
            # Plain text: nothing is escaped, nothing is interpreted.
            bound = Context(values, autoescape=False)
            with bound.bind_template(template):
                parts.append(blocks[name].render(bound))
        footer = get_template("email/_footer.txt").render(values)
    # A new line would be a header of the sender's choice; a format character hides words.
    shown = "".join(one if one.isprintable() or one in _SPACES else " " for one in parts[0])
    subject = _BLANKS.sub(" ", shown).strip()
    body = _LINES.sub("\n\n", parts[1].strip())
    return subject, f"{body}\n\n{footer.strip()}\n"
