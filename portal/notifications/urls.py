from django.urls import path

from . import views


app_name = "notifications"
urlpatterns = [
    path("", views.mine, name="mine"),
    path("<uuid:pk>/", views.message, name="message"),
]
