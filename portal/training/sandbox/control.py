"""The control plane's WSGI application: authentication, permission, dispatch."""

import hmac
import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING

from werkzeug.wrappers import Request, Response

from portal.training.sandbox import permissions
from portal.training.sandbox.account import Projects
from portal.training.sandbox.conditions import Facts
from portal.training.sandbox.credentials import ApiKeys
from portal.training.sandbox.errors import ApiError, forbidden, unauthenticated
from portal.training.sandbox.iam import Applications, Groups
from portal.training.sandbox.organization import Organization
from portal.training.sandbox.policies import Policies
from portal.training.sandbox.resources import ApiKey
from portal.training.sandbox.state import State
from portal.training.sandbox.web import Call, Route, error_response, json_response


if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

logger = logging.getLogger(__name__)


class ControlPlane:
    """`api.scaleway.com`, as far as projects, IAM and its organization go."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.organization = Organization(state)
        applications = Applications(self.organization)
        self.table: list[Route] = [
            *Projects(self.organization).routes(),
            *applications.routes(),
            *Groups(self.organization, applications).routes(),
            *ApiKeys(self.organization, applications).routes(),
            *Policies(self.organization).routes(),
            *self.organization.routes(),
        ]

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        return self.answer(Request(environ))(environ, start_response)

    def answer(self, request: Request) -> Response:
        try:
            key = self.authenticate(request)
            return self.dispatch(request, key)
        except ApiError as error:
            return error_response(error)
        except Exception:
            logger.exception("sandbox control plane: %s %s", request.method, request.path)
            return json_response(500, {"message": "internal error", "type": "internal"})

    def authenticate(self, request: Request) -> ApiKey:
        token = request.headers.get("x-auth-token", "")
        if not token:
            raise unauthenticated("invalid_argument")
        found: ApiKey | None = None
        for key in self.state.all(ApiKey):  # every key is compared, in constant time
            if hmac.compare_digest(key.secret_key.encode(), token.encode()):
                found = key
        if found is None:
            raise unauthenticated("not_found")
        if found.expires_at is not None and found.expires_at <= self.state.clock.now():
            raise unauthenticated("expired")
        return found

    def dispatch(self, request: Request, key: ApiKey) -> Response:
        others = False
        for route in self.table:
            match = route.pattern.match(request.path)
            if match is None:
                continue
            if route.method != request.method:
                others = True
                continue
            self.check_permission(request, key, route.permission)
            call = Call(request, key.application_id, match.groupdict())
            with self.state.changing() if request.method != "GET" else self.state.lock:
                status, body = route.handler(call)
            return json_response(status, body)
        if others:
            return json_response(405, {"message": "method not allowed"})
        return json_response(404, {"message": "page not found"})

    def check_permission(self, request: Request, key: ApiKey, permission: str) -> None:
        facts = Facts(
            ip=request.remote_addr or "",
            time=self.state.clock.now(),
            user_agent=request.headers.get("user-agent", "")[:255],
        )
        if not permissions.allowed(
            self.state.view, key.application_id, permission, project_id=None, facts=facts
        ):
            resource, _, action = permission.partition(":")
            raise forbidden(action, resource)
