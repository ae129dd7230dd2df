"""Every column that could hold a secret or somebody's words is declared; no list names one."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.admin.filters import SimpleListFilter
from django.contrib.admin.utils import flatten, flatten_fieldsets
from django.contrib.auth.models import Group
from django.db import models
from django_otp.plugins.otp_totp.admin import TOTPDeviceAdmin
from django_otp.plugins.otp_totp.models import TOTPDevice

from portal.accounts.admin_site import GuichetAdminSite
from portal.common.guarded_admin import GuardedAdmin, GuardedInline, order_columns
from portal.common.sensitive import (
    HARMLESS,
    HARMLESS_MODELS,
    SENSITIVE,
    sensitive_columns,
    touches_sensitive,
)


SITE = dict(admin.site._registry)
MODELS = {model._meta.label_lower: model for model in apps.get_models()}
SMELLS = re.compile(
    r"(^|_)(password|secret|token|seed|salt|key|hash|sha256|cipher\w*|body|content|text|notes?|about"
    r"|reason|comment|subject|answers?|manifest|session|file|recovery|codes?_hash|private|sub)(_|$)"
)
KINDS = (models.TextField, models.JSONField, models.BinaryField, models.FileField)


def smelling(model: type[models.Model]) -> Iterator[str]:
    for field in model._meta.concrete_fields:
        if field.is_relation and not SMELLS.search(field.name):
            continue
        if SMELLS.search(field.name) or isinstance(field, KINDS):
            yield field.name


def test_each_column_that_could_hold_a_secret_or_words_is_declared() -> None:
    found = [
        f"{label}.{name}: sensitive or harmless? say so in portal/common/sensitive.py"
        for label, model in MODELS.items()
        if label not in HARMLESS_MODELS and not label.startswith("tests.")
        for name in smelling(model)
        if name not in SENSITIVE.get(label, {}) and name not in HARMLESS.get(label, {})
    ]
    assert found == []


def test_what_is_declared_exists_and_is_declared_once() -> None:
    for declared in (SENSITIVE, HARMLESS):
        for label, columns in declared.items():
            names = {field.name for field in MODELS[label]._meta.concrete_fields}
            assert set(columns) <= names, label
            assert all(columns.values())
    assert set(HARMLESS_MODELS) <= set(MODELS)
    for label in SENSITIVE:
        assert label not in HARMLESS_MODELS
        assert not set(SENSITIVE[label]) & set(HARMLESS.get(label, {})), label


def test_every_list_of_the_administration_has_the_one_base() -> None:
    strangers = [str(one) for one in SITE.values() if not isinstance(one, GuardedAdmin)]
    inlines = [
        kind for one in SITE.values() for kind in one.inlines if not issubclass(kind, GuardedInline)
    ]
    assert (strangers, inlines) == ([], [])
    for one in SITE.values():  # a room that rewrites these would open what the base closes
        for name in ("lookup_allowed", "offered_lookups", "to_field_allowed", "get_object"):
            assert getattr(type(one), name) is getattr(GuardedAdmin, name), one
        assert not one.view_on_site


def test_a_list_that_a_library_brings_gets_the_base_too() -> None:
    site = GuichetAdminSite(name="other")
    site.register(TOTPDevice, TOTPDeviceAdmin)
    site.register(Group)
    for model in (TOTPDevice, Group):
        assert isinstance(site._registry[model], GuardedAdmin)
    devices: Any = site._registry[TOTPDevice]
    for lookup in ("key__startswith", "key__regex", "user__password__startswith", "key"):
        assert not devices.lookup_allowed(lookup, "a", None)


def shown(one: Any) -> set[str]:
    fields = flatten_fieldsets(one.fieldsets or [(None, {"fields": one.fields or ()})])
    return {*map(str, one.list_display), *map(str, fields), *map(str, one.readonly_fields)}


@pytest.mark.parametrize("model", SITE, ids=lambda model: model._meta.label_lower)
def test_no_list_shows_searches_filters_or_sorts_by_a_sensitive_column(model: Any) -> None:
    one = SITE[model]
    searched = [re.sub(r"^[\^=@]", "", name) for name in one.search_fields]
    filters = [item[0] if isinstance(item, list | tuple) else item for item in one.list_filter]
    named = [name for name in filters if isinstance(name, str)]
    assert not shown(one) & sensitive_columns(model)
    for path in [*searched, *named]:
        assert not touches_sensitive(model, path), path
    orders = [*(one.ordering or ()), *model._meta.ordering]
    for name in one.list_display:
        method = getattr(one, name, None) or getattr(model, name, None)
        order = getattr(method, "admin_order_field", None)
        orders.append(order or name)
    for order in filter(None, flatten(orders)):
        for path in order_columns(model, str(order)):
            assert not touches_sensitive(model, path), path
    for inline in one.inlines:
        assert not {*map(str, flatten(inline.fields or ()))} & sensitive_columns(inline.model)
    for item in one.list_filter:  # a filter of one's own has a name; any other kind is refused
        assert not isinstance(item, type) or issubclass(item, SimpleListFilter)
