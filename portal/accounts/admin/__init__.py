"""Accounts in the administration. No secret is shown; acts ask for a reason and are recorded."""

from importlib import import_module

from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import Group
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp.models import TOTPDevice

from . import organisations, people, records, second_person


__all__ = ["organisations", "people", "records", "second_person"]

# Keys of authenticators and recovery codes are nobody's to read; roles replace groups. Their admin
# modules are loaded first, or they would register themselves after this.
for _module in (
    "django.contrib.auth.admin",
    "django_otp.plugins.otp_static.admin",
    "django_otp.plugins.otp_totp.admin",
    "dsfr.admin",
):
    import_module(_module)
for _model in (TOTPDevice, StaticDevice, Group, *apps.get_app_config("dsfr").get_models()):
    if admin.site.is_registered(_model):
        admin.site.unregister(_model)
