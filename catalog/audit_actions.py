"""Acts of the catalogue that the log keeps."""

from django.utils.translation import gettext_lazy as _

from portal.audit.actions import register


register("catalog.publish", _("Description publiée"))
register("catalog.unpublish", _("Description retirée de la publication"))
register("catalog.import", _("Dictionnaire importé"))
register("catalog.create", _("Description ajoutée"))
register("catalog.change", _("Description modifiée"))
register("catalog.delete", _("Description supprimée"))
