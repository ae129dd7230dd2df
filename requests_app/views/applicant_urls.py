"""Addresses of the applicant's side: selection, orientation, draft, signature, my pages."""

from django.urls import path

from . import basket, orientation


urlpatterns = [
    path("ma-selection/", basket.basket, name="basket"),
    path("ma-selection/ajouter/", basket.add, name="basket_add"),
    path("ma-selection/modifier/", basket.change, name="basket_change"),
    path("ma-selection/export.csv", basket.basket_csv, name="basket_csv"),
    path("ma-selection/export.pdf", basket.basket_pdf, name="basket_pdf"),
    path("ma-selection/<slug:dataset>/", basket.row, name="basket_row_whole"),
    path("ma-selection/<slug:dataset>/<str:table>/", basket.row, name="basket_row"),
    path("demander/", orientation.start, name="orientation"),
    path("demander/question/<int:rank>/", orientation.question, name="orientation_question"),
    path("demander/resultat/", orientation.result, name="orientation_result"),
    path("demander/recommencer/", orientation.restart, name="orientation_restart"),
    path("demander/nouvelle/", orientation.create, name="draft_create"),
]
