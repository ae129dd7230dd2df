"""Addresses of the applicant's side: selection, orientation, draft, signature, my pages."""

from django.urls import path

from requests_app.counter.pages import documents
from requests_app.counter.pages.applicant import (
    basket,
    draft,
    draft_rows,
    my_access,
    my_requests,
    orientation,
    pieces,
    signature,
    team,
)
from requests_app.counter.pages.staff import endings


FILE = "dossiers/<uuid:pk>/"
DRAFT = f"{FILE}brouillon/"

urlpatterns = [
    path("ma-selection/", basket.basket, name="basket"),
    path("ma-selection/ajouter/", basket.add, name="basket_add"),
    path("ma-selection/modifier/", basket.change, name="basket_change"),
    path("ma-selection/export.csv", basket.basket_csv, name="basket_csv"),
    path("ma-selection/export.pdf", basket.basket_pdf, name="basket_pdf"),
    path("ma-selection/base/<slug:dataset>/", basket.row, name="basket_row_whole"),
    path("ma-selection/base/<slug:dataset>/<str:table>/", basket.row, name="basket_row"),
    path("demander/", orientation.start, name="orientation"),
    path("demander/question/<int:rank>/", orientation.question, name="orientation_question"),
    path("demander/resultat/", orientation.result, name="orientation_result"),
    path("demander/recommencer/", orientation.restart, name="orientation_restart"),
    path("demander/nouvelle/", orientation.create, name="draft_create"),
    path("mes-demandes/", my_requests.my_requests, name="my_requests"),
    path("mes-demandes/export.csv", my_requests.my_requests_csv, name="my_requests_csv"),
    path("mes-acces/", my_access.accesses, name="my_access"),
    path("mes-acces/<uuid:pk>/afficher/", my_access.show, name="reveal_key"),
    path("mes-acces/<uuid:pk>/renouveler/", my_access.rotate, name="rotate_key"),
    path(DRAFT, draft.draft, name="draft"),
    path(f"{DRAFT}titre/", draft.rename, name="draft_rename"),
    path(f"{DRAFT}donnees/export.csv", draft_rows.specification_csv, name="draft_csv"),
    path(f"{DRAFT}donnees/export.pdf", draft_rows.specification_pdf, name="draft_pdf"),
    path(f"{DRAFT}donnees/base/<slug:dataset>/", draft_rows.row, name="draft_row_whole"),
    path(f"{DRAFT}donnees/base/<slug:dataset>/<str:table>/", draft_rows.row, name="draft_row"),
    path(f"{DRAFT}personnes/", team.persons, name="draft_persons"),
    path(
        f"{DRAFT}personnes/<uuid:member_id>/donnees/", team.data_access, name="member_data_access"
    ),
    path(f"{DRAFT}personnes/<uuid:member_id>/retirer/", team.remove, name="member_remove"),
    path(
        f"{DRAFT}invitations/<uuid:invitation_id>/annuler/",
        team.cancel_invitation,
        name="member_invitation_cancel",
    ),
    path(f"{DRAFT}pieces/", pieces.pieces, name="draft_pieces"),
    path(f"{DRAFT}pieces/<slug:code>/", pieces.piece, name="draft_piece"),
    path(f"{DRAFT}pieces/<slug:code>/modele.txt", pieces.template, name="draft_piece_template"),
    path(f"{DRAFT}recapitulatif/", signature.summary, name="draft_summary"),
    path(f"{DRAFT}<slug:slug>/", draft.step, name="draft_step"),
    path(f"{FILE}fichiers/<uuid:file_id>/", pieces.file, name="file"),
    path(f"{FILE}fichiers/<uuid:file_id>/lire/", pieces.file_in_page, name="file_in_page"),
    path(f"{FILE}signature/", signature.sign, name="sign"),
    path(f"{FILE}signature/demander/", signature.ask, name="ask_signature"),
    path(f"{FILE}signature/annuler/", signature.cancel, name="cancel_signature"),
    path(f"{FILE}reprendre/", endings.copy, name="copy_request"),
    path(f"{FILE}completer/", signature.send_completion, name="send_completion"),
    path(f"{FILE}versions/<int:number>/", documents.differences, name="version_differences"),
    path(f"{FILE}versions/<int:number>.pdf", documents.version_document, name="version_pdf"),
    path(f"{FILE}recepisse/<slug:kind>.pdf", documents.receipt, name="receipt"),
]
