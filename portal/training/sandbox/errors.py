"""The control plane's refusals, with the bodies that the real API answers (recorded)."""

from typing import Any


class ApiError(Exception):
    """An answer that is an error: `status` and JSON `body`."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        super().__init__(f"{status} {body.get('type', '')}")
        self.status = status
        self.body = body


def invalid(argument: str, help_message: str, reason: str = "constraint") -> ApiError:
    """400; `reason` is constraint, format, required or unknown."""
    return invalid_arguments([(argument, help_message, reason)])


def invalid_arguments(problems: list[tuple[str, str, str]]) -> ApiError:
    """400 with one detail per (argument, help message, reason)."""
    details = [
        {"argument_name": argument, "help_message": help_message, "reason": reason}
        for argument, help_message, reason in problems
    ]
    return ApiError(
        400,
        {"details": details, "message": "invalid argument(s)", "type": "invalid_arguments"},
    )


def unauthenticated(reason: str) -> ApiError:
    """401; `reason` is invalid_argument, not_found or expired."""
    body = {
        "message": "authentication is denied",
        "method": "api_key",
        "reason": reason,
        "type": "denied_authentication",
    }
    return ApiError(401, body)


def forbidden(action: str, resource: str) -> ApiError:
    details = [{"action": action, "resource": resource}]
    return ApiError(
        403,
        {"details": details, "message": "insufficient permissions", "type": "permissions_denied"},
    )


def quota_exceeded(resource: str, quota: int, current: int) -> ApiError:
    details = [{"resource": resource, "quota": quota, "current": current}]
    return ApiError(
        403, {"details": details, "message": "quota exceeded", "type": "quotas_exceeded"}
    )


def not_found(resource: str, resource_id: str) -> ApiError:
    body = {
        "message": "resource is not found",
        "resource": resource,
        "resource_id": resource_id,
        "type": "not_found",
    }
    return ApiError(404, body)


def transient(resource: str, resource_id: str) -> ApiError:
    body = {
        "current_state": "updating",
        "message": "resource is in a transient state",
        "resource": resource,
        "resource_id": resource_id,
        "type": "transient_state",
    }
    return ApiError(409, body)


def already_exists(resource: str, resource_id: str, help_message: str) -> ApiError:
    body = {
        "help_message": help_message,
        "message": "resource already exists",
        "resource": resource,
        "resource_id": resource_id,
        "type": "already_exists",
    }
    return ApiError(409, body)


def precondition_failed(precondition: str, help_message: str) -> ApiError:
    body = {
        "help_message": help_message,
        "message": "precondition is not respected",
        "precondition": precondition,
        "type": "precondition_failed",
    }
    return ApiError(412, body)
