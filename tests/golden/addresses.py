"""Every address of the URLconf, its arguments filled from the rows of the world."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models.expressions import RawSQL
from django.urls import URLPattern, URLResolver, get_resolver
from django.urls.resolvers import RegexPattern, RoutePattern

from .world import model


@dataclass(frozen=True)
class Address:
    """One pattern: its name with its namespace, and its route from the root."""

    name: str
    route: str

    @property
    def arguments(self) -> list[str]:
        return [part.rpartition(":")[2] for part in re.findall(r"<([^>]+)>", self.route)]

    def path(self, **values: Any) -> str:
        def put(match: re.Match[str]) -> str:
            return str(values[match.group(1).rpartition(":")[2]])

        return "/" + re.sub(r"<([^>]+)>", put, self.route)


def _plain(pattern: Any) -> str:
    """A route as written; a regular expression in the same form."""
    inner = pattern.pattern
    if isinstance(inner, RoutePattern):
        return str(vars(inner)["_route"])
    if isinstance(inner, RegexPattern):
        text = str(vars(inner)["_regex"]).removeprefix("^").removesuffix("$")
        text = re.sub(r"\(\?P<(\w+)>(?:[^()]|\([^)]*\))*\)", r"<\1>", text)
        return text.replace("\\", "").removesuffix("/?")
    return str(inner)


def all_addresses() -> list[Address]:
    def walk(patterns: list[Any], route: str, space: str) -> Iterator[Address]:
        for one in patterns:
            if isinstance(one, URLResolver):
                inner = f"{space}{one.namespace}:" if one.namespace else space
                yield from walk(one.url_patterns, route + _plain(one), inner)
            elif isinstance(one, URLPattern):
                yield Address(f"{space}{one.name or '?'}", route + _plain(one))

    found = set(walk(get_resolver().url_patterns, "", ""))
    return sorted(found, key=lambda one: (one.name, one.route))


Rows = list[dict[str, Any]]
STEPS = ("parties", "finalites", "donnees", "personnes", "pieces", "recapitulatif", "inconnue")
OF_STUDY = ("retry", "hold", "release", "suspend_study", "resume_study", "revoke_study")
APPS = ("accounts", "audit", "catalog", "notifications", "requests_app")
OF_BODY = ("suspend", "resume", "revoke")


class Filler:
    """Arguments of an address by its prefix and their names."""

    def __init__(self, links: list[str], verbs: dict[str, list[str]]) -> None:
        self._links, self._verbs = links, verbs
        self._of: list[tuple[str, Callable[[Address], Rows]]] = [
            (r"exploitation/<uuid:pk>/", self._named("requests_app.Workspace", OF_STUDY)),
            (r"exploitation/acces/", self._named("requests_app.Grant", OF_BODY)),
            (r"exploitation/organismes/", self._named("accounts.Organisation", OF_BODY)),
            (r"exploitation/personnes/", self._named("accounts.User", OF_BODY)),
            (r"mes-acces/", self._named("requests_app.Grant")),
            (r"messages/", self._named("notifications.Message")),
            (r"compte/(organismes|appartenances)/", self._named("accounts.Membership")),
            (r"compte/invitations/", self._named("accounts.Invitation")),
            (r"compte/jetons/", self._named("accounts.ApiToken")),
            (r"compte/second-facteur/rein", self._named("accounts.FactorReset")),
            (r"compte/conditions/<", self._versions),
            (r"compte/", self._from_mails),
            (r"demander/question/", lambda _one: [{"rank": rank} for rank in (1, 2, 3, 9)]),
            (r"repertoire/", self._numbers),
            (r"ma-selection/base/", self._chosen),
            (r"bases/", self._bases),
            (r"variables/", self._variables),
            (r"api/v1/datasets/", self._bases),
            (r"api/v1/tables/", self._keys("catalog.Table")),
            (r"api/v1/variables/", self._keys("catalog.Variable")),
            (r"admin/", self._of_admin),
        ]

    def rows(self, one: Address) -> Rows | None:
        """Values of the arguments, each set one address; None when there is no rule."""
        if not one.arguments:
            return [{}]
        for start, rule in self._of:
            if re.match(start, one.route):
                return rule(one)
        return None

    # --- rules -------------------------------------------------------------------------------

    @staticmethod
    def _named(label: str, names: tuple[str, ...] = ()) -> Callable[[Address], Rows]:
        def rule(one: Address) -> Rows:
            keys = in_order(label)
            if "name" not in one.arguments:
                return [{"pk": key} for key in keys]
            return [{"pk": key, "name": name} for key in keys for name in names]

        return rule

    @staticmethod
    def _keys(label: str) -> Callable[[Address], Rows]:
        return lambda _one: [{"pk": key} for key in in_order(label)]

    def of_file(self, one: Address, pk: Any) -> Rows:
        """The same for an address below a file's, of one file."""
        request = model("requests_app.AccessRequest").objects.get(pk=pk)
        return [{"pk": pk, **more} for more in self._inside(one, request)]

    def _inside(self, one: Address, request: Any) -> Rows:
        wanted = set(one.arguments) - {"pk"}
        stages = list(request.stages.order_by("position", "pk"))
        if not wanted:
            return [{}]
        if wanted == {"stage_id", "name"}:
            return [
                {"stage_id": stage.pk, "name": name}
                for stage in stages
                for name in self._verbs.get(stage.kind, [])
            ]
        if wanted == {"stage_id"}:
            return [{"stage_id": stage.pk} for stage in stages]
        if wanted == {"name"}:
            return [{"name": name} for name in self._verbs["request"]]
        if wanted == {"kind"}:
            return [{"kind": kind} for kind in ("depot", "complet", "autre")]
        if wanted == {"slug"}:
            return [{"slug": slug} for slug in STEPS]
        if wanted == {"number"}:
            numbers = request.versions.values_list("number", flat=True)
            return [{"number": number} for number in numbers]
        if wanted == {"code"}:
            return [{"code": code} for code in request.pieces.values_list("code", flat=True)]
        if "dataset" in wanted:
            rows = request.content.get("specification", {}).get("rows", [])
            return [{"dataset": row["dataset"], "table": row.get("table") or "T"} for row in rows]
        labels = {
            "act_id": "requests_app.Act",
            "task_id": "requests_app.Task",
            "file_id": "requests_app.StoredFile",
            "member_id": "requests_app.RequestMember",
            "invitation_id": "accounts.Invitation",
        }
        (argument,) = wanted
        field = "request_id" if argument == "invitation_id" else "request"
        found = model(labels[argument]).objects.filter(**{field: request.pk}).order_by("pk")
        return [{argument: key} for key in found.values_list("pk", flat=True)]

    @staticmethod
    def _versions(_one: Address) -> Rows:
        versions = model("accounts.TermsAcceptance").objects.values_list("version", flat=True)
        return [{"version": version} for version in [*sorted(set(versions)), "inconnue"]]

    def _from_mails(self, one: Address) -> Rows:
        """Secret links are known from the mails that carry them."""
        route = re.sub(r"<(?:\w+:)?(\w+)>", r"(?P<\1>[^/]+)", one.route)
        upto = route[: route.rindex(")") + 1]  # another page of the same link
        found: Rows = []
        for shape in (f"/{route}$", f"/{upto}"):
            matches = [re.match(shape, link) for link in self._links]
            found = found or [match.groupdict() for match in matches if match]
        return [*reversed(found), dict.fromkeys(one.arguments, "inconnu")]  # the latest still work

    @staticmethod
    def _numbers(_one: Address) -> Rows:
        numbered = model("requests_app.AccessRequest").objects.exclude(number=None)
        numbers = numbered.order_by("number").values_list("number", flat=True)
        return [{"number": one} for one in numbers]

    @staticmethod
    def _bases(one: Address) -> Rows:
        tables = (
            model("catalog.Table").objects.select_related("dataset").order_by("dataset__code", "pk")
        )
        datasets = model("catalog.Dataset").objects.order_by("code").values_list("code", flat=True)
        if not {"name", "table"} & set(one.arguments):
            argument = one.arguments[0]
            return [{argument: code} for code in [*datasets, "inconnue"]]
        return [
            {
                name: table.dataset.code if name in {"code", "dataset"} else table.name
                for name in one.arguments
            }
            for table in tables
        ]

    @staticmethod
    def _chosen(one: Address) -> Rows:
        rows = model("requests_app.BasketRow").objects.select_related("dataset", "table")
        found = [
            {"dataset": row.dataset.code, "table": row.table.name if row.table else ""}
            for row in rows.order_by("added_at", "pk")
        ]
        return [row for row in found if row["table"]] if "table" in one.arguments else found

    @staticmethod
    def _variables(_one: Address) -> Rows:
        names = model("catalog.Variable").objects.values_list("name", flat=True)
        return [{"name": name} for name in [*sorted(set(names)), "INCONNUE"]]

    @staticmethod
    def _of_admin(one: Address) -> Rows:
        if one.arguments == ["app_label"]:
            return [
                {"app_label": label}
                for label in ("accounts", "audit", "catalog", "notifications", "requests_app")
            ]
        if one.arguments == ["url"]:
            return [{"url": "nulle-part/"}]
        app, name = one.route.split("/")[1:3]
        return [{"object_id": key} for key in in_order(f"{app}.{name}")] or [{"object_id": "1"}]


def in_order(label: str) -> list[Any]:
    """Ids of a table in the order in which its rows were made."""
    kind = model(label)
    rows = kind._base_manager.order_by(RawSQL("rowid", ()))
    return list(rows.values_list("pk", flat=True))
