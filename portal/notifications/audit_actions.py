from django.utils.translation import gettext_lazy as _

from portal.audit.actions import register


register("message.retry", _("Nouvel envoi d’un message demandé"), reserved=True)
