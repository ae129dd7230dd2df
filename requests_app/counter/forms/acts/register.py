"""The entry in the public register."""

from django.utils.translation import gettext_lazy as _

from .base import ActForm


class PublishRegisterForm(ActForm):
    verb = "publish_register"
    intro = _(
        "Le projet paraît au répertoire public : titre, responsable de traitement, finalités,"
        " bases et sens de l’avis."
    )
