"""Routes under `/sandbox/`, for tests and training. They exist only with an admin token."""

import hmac
import json
from datetime import timedelta
from typing import Any, Protocol

from pydantic import BaseModel, Field, ValidationError
from werkzeug.wrappers import Request, Response

from portal.training.sandbox.faults import Fault, Faults
from portal.training.sandbox.organization import Organization
from portal.training.sandbox.propagation import Propagation
from portal.training.sandbox.resources import ApiKey, Bucket, LogEntry
from portal.training.sandbox.s3_face import ObjectStore
from portal.training.sandbox.state import State
from portal.training.sandbox.web import json_response, rfc3339


PREFIX = "/sandbox/"


class Controlled(Protocol):
    """What is asked here of a `server.Sandbox`, which serves this module's routes."""

    state: State
    faults: Faults
    store: ObjectStore
    propagation: Propagation
    organization: Organization

    def clock_moved(self) -> None: ...
    def reset(self) -> None: ...


class ClockBody(BaseModel):
    """Seconds added to real time; a field that is left out does not change."""

    offset: float | None = None
    signature_offset: float | None = None


class FaultsBody(BaseModel):
    faults: list[Fault] = Field(default_factory=list)
    clear: bool = False


class PropagationBody(BaseModel):
    grant_delay: float = Field(default=0.0, ge=0, le=600)
    revoke_delay: float = Field(default=0.0, ge=0, le=600)
    flapping: bool = True


class QuotasBody(BaseModel):
    quotas: dict[str, int]


class Admin:
    def __init__(self, sandbox: Controlled, token: str) -> None:
        self.sandbox, self.token = sandbox, token

    def answer(self, request: Request) -> Response:
        given = request.headers.get("x-sandbox-token", "")
        if not hmac.compare_digest(given.encode(), self.token.encode()):
            return json_response(401, {"message": "x-sandbox-token is missing or wrong"})
        name = request.path.removeprefix(PREFIX)
        handler = {
            ("POST", "clock"): self.clock,
            ("POST", "faults"): self.faults,
            ("POST", "propagation"): self.propagation,
            ("POST", "quotas"): self.quotas,
            ("POST", "reset"): self.reset,
            ("GET", "state"): self.state,
        }.get((request.method, name))
        if handler is None:
            return json_response(404, {"message": "no such admin route"})
        try:
            raw = json.loads(request.get_data() or b"{}")
            return json_response(200, handler(raw))
        except ValidationError as error:
            return json_response(400, {"message": str(error)})
        except ValueError as error:
            return json_response(400, {"message": str(error)})

    def clock(self, raw: dict[str, Any]) -> dict[str, Any]:
        body, clock = ClockBody.model_validate(raw), self.sandbox.state.clock
        if body.offset is not None:
            clock.offset = timedelta(seconds=body.offset)
        if body.signature_offset is not None:
            clock.signature_offset = timedelta(seconds=body.signature_offset)
        self.sandbox.clock_moved()
        return {"now": rfc3339(clock.now()), "signature_now": rfc3339(clock.signature_now())}

    def faults(self, raw: dict[str, Any]) -> dict[str, Any]:
        body, faults = FaultsBody.model_validate(raw), self.sandbox.faults
        if body.clear:
            faults.clear()
        faults.add(body.faults)
        return {"faults": [fault.model_dump() for fault in faults.pending()]}

    def propagation(self, raw: dict[str, Any]) -> dict[str, Any]:
        body = PropagationBody.model_validate(raw)
        if self.sandbox.store.enforces and (body.grant_delay or body.revoke_delay):
            raise ValueError("this store decides by itself: no delayed propagation with it")
        self.sandbox.propagation.set(**body.model_dump())
        return body.model_dump()

    def quotas(self, raw: dict[str, Any]) -> dict[str, Any]:
        body, organization = QuotasBody.model_validate(raw), self.sandbox.organization
        unknown = set(body.quotas) - set(organization.quotas())
        if unknown:
            raise ValueError(f"unknown quota {sorted(unknown)[0]}")
        self.sandbox.state.set_meta("quotas", body.quotas)
        return {"quotas": organization.quotas()}

    def reset(self, _raw: dict[str, Any]) -> dict[str, Any]:
        """Everything but the organization, its default project and the portal's own key."""
        self.sandbox.reset()
        return {"reset": True}

    def state(self, _raw: dict[str, Any]) -> dict[str, Any]:
        """What the sandbox holds, without a secret."""
        state, view = self.sandbox.state, self.sandbox.state.view
        keys = state.all(ApiKey)
        return {
            "now": rfc3339(state.clock.now()),
            "organization_id": self.sandbox.organization.id,
            "usage": self.sandbox.organization.usage(),
            "projects": [p.model_dump(mode="json") for p in view.projects.values()],
            "applications": [a.model_dump(mode="json") for a in view.applications.values()],
            "groups": [g.model_dump(mode="json") for g in view.groups.values()],
            "policies": [p.model_dump(mode="json") for p in view.policies.values()],
            "api_keys": [k.model_dump(mode="json", exclude={"secret_key"}) for k in keys],
            "buckets": [b.model_dump(mode="json") for b in state.all(Bucket)],
            "objects": self.sandbox.store.usage(),
            "log_entries": len(state.all(LogEntry)),
            "faults": [fault.model_dump() for fault in self.sandbox.faults.pending()],
        }
