"""Actions of the log itself and of the clock."""

from django.utils.translation import gettext_lazy as _

from .actions import register


register("clock.advance", _("Horloge légale avancée"))
register("audit.export", _("Journal exporté"), reserved=True)
register("audit.retain", _("Journées du journal supprimées à leur terme"), reserved=True)
register("audit.text_rectify", _("Texte du journal rectifié"), reserved=True)
register("audit.text_erase", _("Texte du journal effacé"), reserved=True)
register("admin.list_view", _("Liste de l’administration consultée"), reserved=True)
register("admin.object_view", _("Fiche de l’administration consultée"), reserved=True)
register("admin.history_view", _("Historique d’une fiche consulté"), reserved=True)
register("admin.search_view", _("Noms cherchés dans l’administration"), reserved=True)
register("admin.refuse", _("Consultation de l’administration refusée"), reserved=True)
