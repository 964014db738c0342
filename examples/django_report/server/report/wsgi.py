"""The WSGI application: `report.wsgi:application`."""

import os

from django.core.management import call_command
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "report.settings")
application = get_wsgi_application()
# The database is empty in each new process. With a database on a server, migrate when you deploy.
call_command("migrate", verbosity=0)
