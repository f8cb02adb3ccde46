"""The web process: `granian --interface wsgi insights_service.wsgi:application`."""

import os

from django.core.wsgi import get_wsgi_application

from insights_service.config import get_config

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "insights_service.settings")
get_config().require_stores()
application = get_wsgi_application()
