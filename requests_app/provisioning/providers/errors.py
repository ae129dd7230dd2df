"""What a provider may answer but a success: our errors, whoever it is. No Django."""


class ProviderError(Exception):
    """Anything a provider answered but a success; `code` is ours, the message holds no secret."""

    code = "provider"
    alarming = False  # told to a person at once, though it is tried again

    def __init__(self, message: str = "", *, status: int = 0, request_id: str = "") -> None:
        super().__init__(message or self.code)
        self.status = status
        self.request_id = request_id


class Transient(ProviderError):
    """Worth trying again: 429, 5xx, connection, 409 transient. The call may have been applied."""

    code = "transient"


class Unreachable(Transient):
    """No answer, 429 or 5xx: the provider's trouble, not this study's."""

    code = "unreachable"


class NotAsWritten(Transient):
    """What was read back is not what was written; `what`: `fence`, `members`, `rights`, `data`."""

    code = "not_as_written"

    def __init__(self, what: str) -> None:
        super().__init__(f"{what}: not as written")
        self.what = what


class NotListed(Transient):
    """Said to exist by the answer to a create, and not in the list yet."""

    code = "not_listed"


class Permanent(ProviderError):
    """Will not pass by itself: bad argument, refused key, wrong configuration."""

    code = "permanent"


class NotOffered(Permanent):
    """A verb that this provider has not, or that the portal does not do there yet.

    `reason`: `not_built` (nothing implements it yet), `not_there` (the provider has no such thing).
    """

    code = "not_offered"

    def __init__(self, verb: str, reason: str) -> None:
        super().__init__(f"{verb}: {reason}")
        self.verb = verb
        self.reason = reason


class Denied(ProviderError):
    """403. Transient for a while after a grant (rights propagate), permanent afterwards."""

    code = "denied"


class NotFound(ProviderError):
    """404."""

    code = "not_found"


class BucketGone(NotFound):
    """404 NoSuchBucket: no bucket has this name, nothing can be read there."""

    code = "bucket_gone"


class RightsGone(NotFound):
    """What holds a study's members is no more: nobody is one."""

    code = "rights_gone"


class Busy(Transient):
    """412 on a deletion: something is still inside."""

    code = "busy"


class QuotaExceeded(Permanent):
    """A limit of the organisation, told to the operator with its numbers."""

    code = "quota"

    def __init__(self, resource: str, *, limit: int, current: int, request_id: str = "") -> None:
        super().__init__(f"{resource}: {current}/{limit}", status=403, request_id=request_id)
        self.resource = resource
        self.limit = limit
        self.current = current


class AlreadyExists(ProviderError):
    """409; `existing_id` is the provider's id of what is there, empty when it does not say."""

    code = "already_exists"

    def __init__(self, existing_id: str = "", *, request_id: str = "") -> None:
        super().__init__(existing_id or "already exists", status=409, request_id=request_id)
        self.existing_id = existing_id
