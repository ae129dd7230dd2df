"""WSGI entry point."""

import os

from django.core.wsgi import get_wsgi_application

from portal.common.folders import own_files_only


own_files_only()
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings.production")
application = get_wsgi_application()
