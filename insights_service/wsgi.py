"""The web process: `granian --interface wsgi insights_service.wsgi:application`."""

import os
import signal

from django.core.wsgi import get_wsgi_application

from insights_service.config import get_config
from insights_service.embedded.processes import follow_parent
from insights_service.embedded.services import FOLLOW_PARENT_VARIABLE

if os.environ.get(FOLLOW_PARENT_VARIABLE):
    follow_parent(os.getppid(), signal.SIGTERM)
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "insights_service.settings")
get_config().require_stores()
_django = get_wsgi_application()
# Has models in its imports, for which Django must be set up.
from insights.api.kept_responses import KeptResponses  # noqa: E402

application = KeptResponses(_django)
