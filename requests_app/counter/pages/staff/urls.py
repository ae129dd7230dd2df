"""Addresses of the staff's pages, the request page and the register."""

from django.urls import path

from requests_app.counter.pages import request
from requests_app.counter.pages.operator import extraction, operations, operations_bodies
from requests_app.counter.pages.public import register
from requests_app.counter.pages.staff import act, completeness, consultation, holder, inbox, marks


urlpatterns = [
    path("a-traiter/", inbox.inbox_page, name="inbox"),
    path("a-traiter/export.csv", inbox.inbox_csv, name="inbox_csv"),
    path("dossiers/", inbox.requests_page, name="requests"),
    path("dossiers/export.csv", inbox.requests_csv, name="requests_csv"),
    path("dossiers/<uuid:pk>/", request.request_page, name="request"),
    path("dossiers/<uuid:pk>/consulter/", consultation.consult, name="consult"),
    path("dossiers/<uuid:pk>/notes/", request.add_note, name="add_note"),
    path("dossiers/<uuid:pk>/completude/", completeness.completeness, name="completeness"),
    path(
        "dossiers/<uuid:pk>/versions/<int:number>/annotations/",
        marks.version_marks,
        name="version_marks",
    ),
    path(
        "dossiers/<uuid:pk>/etapes/<uuid:stage_id>/attribuer/",
        request.assign_stage,
        name="assign_stage",
    ),
    path("dossiers/<uuid:pk>/etapes/<uuid:stage_id>/<slug:name>/", act.act, name="stage_act"),
    path("dossiers/<uuid:pk>/actes/<slug:name>/", act.act, name="request_act"),
    path(
        "dossiers/<uuid:pk>/corriger/<uuid:act_id>/",
        act.act,
        {"name": "correct_act"},
        name="correct_act",
    ),
    path(
        "dossiers/<uuid:pk>/taches/<uuid:task_id>/",
        act.act,
        {"name": "close_task"},
        name="close_task",
    ),
    path("dossiers/<uuid:pk>/extraction/", extraction.extraction_page, name="extraction"),
    path("exploitation/", operations.operations_page, name="operations"),
    path("exploitation/export.csv", operations.operations_csv, name="operations_csv"),
    *(
        path(f"exploitation/{kind}/", operations_bodies.bodies_page, {"kind": kind}, name=name)
        for kind, name in operations_bodies.PAGES.items()
    ),
    *(
        path(
            f"exploitation/{kind}/<uuid:pk>/<slug:name>/",
            operations_bodies.body_operation,
            {"kind": kind},
            name="body_operation",
        )
        for kind in operations_bodies.PAGES
    ),
    path("exploitation/<uuid:pk>/", operations.workspace_page, name="operations_workspace"),
    path("exploitation/<uuid:pk>/<slug:name>/", operations.study_operation, name="study_operation"),
    path(
        "exploitation/acces/<uuid:pk>/<slug:name>/",
        operations.grant_operation,
        name="grant_operation",
    ),
    path("qui-utilise-mes-donnees/", holder.holder_accesses, name="holder_accesses"),
    path(
        "qui-utilise-mes-donnees/export.csv",
        holder.holder_accesses_csv,
        name="holder_accesses_csv",
    ),
    path("repertoire/", register.register_page, name="register"),
    path("repertoire/export.csv", register.register_csv, name="register_csv"),
    path("repertoire/<slug:number>/", register.register_entry, name="register_entry"),
]
