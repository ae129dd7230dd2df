"""Keeping secrets for a while: encrypted, bound to their row, under two rings of keys.

GUICHET_CUSTODY_KEYS (web and provisioning worker) hold the person's secret until it is shown;
GUICHET_PROBE_KEYS (provisioning worker only) hold the probe's: the web process cannot read them.
The first key of a ring encrypts, all decrypt, so that a ring is rotated by adding a key in front.
The credential's id is inside the ciphertext: moved to another row, it does not open.
"""

import json
from typing import Literal
from uuid import UUID

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings


Ring = Literal["person", "probe"]
_SETTINGS = {"person": "CUSTODY_KEYS", "probe": "PROBE_KEYS"}
_NAMES = {"person": "GUICHET_CUSTODY_KEYS", "probe": "GUICHET_PROBE_KEYS"}


class CustodyError(Exception):
    """The ring is absent from this process, or the ciphertext is not this row's."""


def _fernet(ring: Ring) -> MultiFernet:
    keys: list[str] = getattr(settings, _SETTINGS[ring])
    if not keys:
        raise CustodyError(f"{_NAMES[ring]} is not set in this process")
    try:
        return MultiFernet([Fernet(key) for key in keys])
    except ValueError as error:
        raise CustodyError(f"{_NAMES[ring]}: not a Fernet key") from error


def available(ring: Ring) -> bool:
    """Whether this process has a ring. Raises CustodyError on a key that is not one."""
    if not getattr(settings, _SETTINGS[ring]):
        return False
    _fernet(ring)
    return True


def seal(secret: str, *, ring: Ring, credential: UUID) -> bytes:
    """Ciphertext of a secret, for this credential's row only. Raises CustodyError."""
    clear = json.dumps({"credential": str(credential), "secret": secret})
    return _fernet(ring).encrypt(clear.encode())


def unseal(ciphertext: bytes | memoryview, *, ring: Ring, credential: UUID) -> str:
    """The secret of this credential's row. Raises CustodyError."""
    fernet = _fernet(ring)
    try:
        found = json.loads(fernet.decrypt(bytes(ciphertext)))
    except InvalidToken as error:
        raise CustodyError("the ciphertext does not open with this ring") from error
    if found.get("credential") != str(credential):
        raise CustodyError("the ciphertext belongs to another credential")
    return str(found["secret"])
