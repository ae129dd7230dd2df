"""Which files of the libraries are published: those that a page of ours can ask for.

django-dsfr ships DSFR whole, and each component once more by itself: 10,700 files and 40 s to hash
and compress, where 3,200 serve. What style sheets name (icons, fonts, artwork) must stay, or
hashing fails.
"""

from django.contrib.staticfiles.apps import StaticFilesConfig


class PublishedStaticFilesConfig(StaticFilesConfig):
    ignore_patterns = [
        *StaticFilesConfig.ignore_patterns,
        "*.md",
        "dsfr/dist/analytics/*",
        "dsfr/dist/component/*",
        "dsfr/dist/core/*",
        "dsfr/dist/layout/*",
        "dsfr/dist/legacy/*",
        "dsfr/dist/scheme/*",
        "dsfr/dist/dsfr/*",
        "dsfr/dist/utility/*/*",
        "dsfr/dist/utility/utility*legacy*",
        "django-dsfr/icon-picker/*",
        "django_htmx/ext/*",
        "rest_framework/*",  # the API answers JSON only
        "admin/img/gis/*",
    ]
