from django.urls import path

from . import views


urlpatterns = [
    path("sante/vivant", views.health_live, name="health_live"),
    path("sante/pret", views.health_ready, name="health_ready"),
    path("aide/", views.help_page, name="help"),
    path("mentions-legales/", views.legal, name="legal"),
    path("accessibilite/", views.accessibility, name="accessibility"),
    path("donnees-personnelles/", views.personal_data, name="personal_data"),
]
