"""The one organization of a sandbox: its id, security settings, quotas and change log."""

from typing import Any, Literal

from pydantic import BaseModel

from portal.common.digits import is_digits
from portal.training.sandbox import permissions
from portal.training.sandbox.errors import forbidden, invalid, not_found, quota_exceeded
from portal.training.sandbox.resources import (
    ApiKey,
    Application,
    Bucket,
    Group,
    LogEntry,
    Policy,
    Project,
    Resource,
)
from portal.training.sandbox.state import State
from portal.training.sandbox.web import Call, Route, new_id, page_of, rfc3339, route


# Limits of a new organization, from the documentation. The names of the quotas on a live account
# are not recorded: check them there before relying on one.
QUOTAS: dict[str, int] = {
    "projects": 25,
    "iam_applications": 100,
    "iam_policies": 50,
    "iam_groups": 50,
    "iam_users": 50,
    "iam_api_keys": 100,
    "object_storage_buckets": 100,
}
SETTINGS: dict[str, Any] = {
    "enforce_password_renewal": False,
    "grace_period_duration": "604800s",
    "login_attempts_before_locked": 10,
    "max_login_session_duration": "604800s",
    "max_api_key_expiration_duration": "0s",
    "scim_enabled": False,
}


class SettingsPatch(BaseModel):
    enforce_password_renewal: bool | None = None
    grace_period_duration: str | None = None
    login_attempts_before_locked: int | None = None
    max_login_session_duration: str | None = None
    max_api_key_expiration_duration: str | None = None


class Organization:
    def __init__(self, state: State) -> None:
        self.state = state

    @property
    def id(self) -> str:
        return str(self.state.meta("organization").get("id", ""))

    def routes(self) -> list[Route]:
        base = "/iam/v1alpha1"
        read, write = permissions.ORGANIZATION_READ, permissions.ORGANIZATION_WRITE
        settings = f"{base}/organizations/{{id}}/security-settings"
        return [
            route("GET", f"{base}/quota", read, self.list_quota),
            route("GET", f"{base}/quota/{{name}}", read, self.get_quota),
            route("GET", f"{base}/logs", permissions.LOG_READ, self.list_logs),
            route("GET", f"{base}/logs/{{id}}", permissions.LOG_READ, self.get_log),
            route("GET", settings, read, self.get_settings),
            route("PATCH", settings, write, self.update_settings),
        ]

    def check(self, organization_id: str | None) -> None:
        """Refuse another organization's id; none means ours (the SDK's default)."""
        if organization_id not in (None, "", self.id):
            raise forbidden("read", "organization")

    # Quotas

    def quotas(self) -> dict[str, int]:
        changed = self.state.meta("quotas")
        return QUOTAS | {name: int(str(value)) for name, value in changed.items()}

    def check_quota(self, name: str, current: int) -> None:
        limit = self.quotas()[name]
        if current >= limit:
            raise quota_exceeded(name, limit, current)

    def usage(self) -> dict[str, int]:
        kinds: dict[str, type[Resource]] = {
            "projects": Project,
            "iam_applications": Application,
            "iam_policies": Policy,
            "iam_groups": Group,
            "iam_api_keys": ApiKey,
            "object_storage_buckets": Bucket,
        }
        return {name: len(self.state.all(model)) for name, model in kinds.items()}

    def show_quota(self, name: str) -> dict[str, Any]:
        limit = self.quotas()[name]
        per_place = {"global": True, "region": None, "zone": None}
        return {
            "name": name,
            "limit": limit,
            "unlimited": False,
            "pretty_name": name.replace("_", " ").capitalize(),
            "unit": "",
            "description": "",
            "locality_type": "global",
            "limits": [per_place | {"limit": limit, "unlimited": False}],
        }

    def list_quota(self, call: Call) -> tuple[int, Any]:
        self.check(call.query("organization_id"))
        wanted = call.many("quotum_names")
        names = [n for n in sorted(self.quotas()) if not wanted or n in wanted]
        return 200, {"quota": [self.show_quota(n) for n in names], "total_count": len(names)}

    def get_quota(self, call: Call) -> tuple[int, Any]:
        name = call.path["name"]
        if name not in self.quotas():
            raise not_found("quotum", name)
        return 200, self.show_quota(name)

    # Change log

    def record(
        self,
        call: Call,
        action: Literal["created", "updated", "deleted"],
        resource_type: str,
        resource_id: str,
    ) -> None:
        entry = LogEntry(
            id=new_id(),
            created_at=self.state.clock.now(),
            ip=call.ip,
            user_agent=call.request.headers.get("user-agent", "")[:255],
            action=action,
            bearer_id=call.application_id,
            organization_id=self.id,
            resource_type=resource_type,
            resource_id=resource_id,
        )
        self.state.put(entry)

    def show_log(self, entry: LogEntry) -> dict[str, Any]:
        return entry.model_dump() | {"created_at": rfc3339(entry.created_at)}

    def list_logs(self, call: Call) -> tuple[int, Any]:
        self.check(call.query("organization_id"))
        after, before = call.query("created_after"), call.query("created_before")
        wanted = {name: call.query(name) for name in ("action", "resource_type")}
        search = call.query("search")
        found = [
            entry
            for entry in self.state.all(LogEntry)
            if all(v is None or getattr(entry, n) == v for n, v in wanted.items())
            and (after is None or (rfc3339(entry.created_at) or "") >= after)
            and (before is None or (rfc3339(entry.created_at) or "") <= before)
            and (search is None or search in (entry.resource_id, entry.bearer_id))
        ]
        return 200, page_of(call, found, self.show_log, "logs")

    def get_log(self, call: Call) -> tuple[int, Any]:
        entry = self.state.find(LogEntry, call.path["id"])
        if entry is None:
            raise not_found("log", call.path["id"])
        return 200, self.show_log(entry)

    # Security settings

    def settings(self) -> dict[str, Any]:
        return SETTINGS | self.state.meta("security_settings")

    def max_key_seconds(self) -> float:
        """The longest life of an API key in seconds; 0 when there is no limit."""
        return float(str(self.settings()["max_api_key_expiration_duration"]).rstrip("s") or 0)

    def get_settings(self, call: Call) -> tuple[int, Any]:
        self.check(call.path["id"])
        return 200, self.settings()

    def update_settings(self, call: Call) -> tuple[int, Any]:
        self.check(call.path["id"])
        changes = call.payload(SettingsPatch).model_dump(exclude_none=True)
        for name, value in changes.items():
            if name.endswith("_duration") and not _is_duration(value):
                raise invalid(name, 'a duration in seconds, such as "86400s", is expected',
                              "format")  # fmt: skip
        self.state.set_meta("security_settings", self.state.meta("security_settings") | changes)
        return 200, self.settings()


def _is_duration(value: str) -> bool:
    return value.endswith("s") and is_digits(value[:-1].replace(".", "", 1))
