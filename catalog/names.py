"""Names of tables and variables: they stand in addresses, so each must fit in one.

One rule for the import, the forms of the administration and the addresses. Letters of any script,
digits, marks, signs and plain spaces; what an address, a browser or a proxy would change or cut is
refused, and so is what nobody can see.
"""

import unicodedata
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from portal.common.fold import MAX_MARKS, heaped, is_unseen


MAX_NAME = 80
# A slash cuts an address, and browsers read a backslash as one.
_CUTTING = frozenset("/\\")
_ENDS = frozenset({"Cc", "Zl", "Zp"})  # control characters and ends of lines


def _is_hidden(character: str) -> bool:
    return unicodedata.category(character) in _ENDS or is_unseen(character)


def shown(text: str) -> str:
    """A text as a message may hold it: what cannot be seen or written becomes U+XXXX."""
    return "".join(f"<U+{ord(c):04X}>" if _is_hidden(c) else c for c in text[:200])


def wrong_with(name: str) -> str:
    """Why a name cannot be used, in French, or an empty string."""
    if not name or max(len(name), len(key_of(name))) > MAX_NAME:  # a capital may be two letters
        return _("un nom a de 1 à 80 caractères.")
    for character in name:
        other_space = unicodedata.category(character) == "Zs" and character != " "
        if character in _CUTTING or _is_hidden(character) or other_space:
            return _(
                "le nom « %(name)s » contient « %(sign)s », qu’une adresse de page ne peut pas"
                " porter : retirez ce caractère."
            ) % {"name": shown(name), "sign": _described(character)}
    if name != name.strip() or not any(unicodedata.category(c)[0] in "LN" for c in name):
        return _(
            "le nom « %(name)s » doit contenir une lettre ou un chiffre, sans espace au début"
            " ni à la fin."
        ) % {"name": shown(name)}
    if heaped(name):
        return _(
            "le nom « %(name)s » a plus de %(n)s accents ou signes sur une même lettre :"
            " retirez ceux qui sont de trop."
        ) % {"name": shown(name), "n": MAX_MARKS}
    return ""


def _described(character: str) -> str:
    code = f"U+{ord(character):04X}"
    return f"{character} ({code})" if character in _CUTTING else code


def validate_name(value: Any) -> None:
    """Validator of the models' names."""
    if reason := wrong_with(str(value)):
        raise ValidationError(reason[:1].upper() + reason[1:], code="name")


def tidy_name(value: Any) -> str:
    """A name as it is kept: accents composed, no space at its ends."""
    return unicodedata.normalize("NFC", str(value)).strip(" \t\r\n")


def key_of(name: str) -> str:
    """What names are compared by: capitals, the same on every database."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).upper())
