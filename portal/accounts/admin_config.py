"""Puts the portal's own site in place of Django's admin (imports no model: read at start)."""

from django.contrib.admin.apps import AdminConfig


class GuichetAdminConfig(AdminConfig):
    default_site = "portal.accounts.admin_site.GuichetAdminSite"
