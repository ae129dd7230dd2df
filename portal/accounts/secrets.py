"""Tokens that leave by mail or are shown once: long, random, and stored as a hash only."""

import hashlib
import secrets


def new_token(size: int = 32) -> str:
    """A URL-safe token of `size` random bytes."""
    return secrets.token_urlsafe(size)


def token_hash(token: str) -> str:
    """SHA-256 in hexadecimal. No salt: the token itself has more entropy than a salt gives."""
    return hashlib.sha256(token.encode()).hexdigest()
