"""Settings of the report. The comments explain those that are different on Lambda."""

import os

from django.core.management.utils import get_random_secret_key

# The host of a Function URL is known only after the first deployment. The leading dot allows every name below.
ALLOWED_HOSTS = [f".lambda-url.{os.environ.get('AWS_REGION', 'us-east-1')}.on.aws", "localhost", "127.0.0.1"]

# On Lambda only /tmp can be written, and each execution environment has its own. So this small database is in memory,
# and each process makes its own. Data that must stay belongs in a database on a server.
DATABASES = {
    "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "file:report?mode=memory&cache=shared"},
}

# This application signs nothing. For sessions, all execution environments need the same key.
SECRET_KEY = get_random_secret_key()

INSTALLED_APPS = ["report"]
MIDDLEWARE = ["django.middleware.security.SecurityMiddleware", "django.middleware.common.CommonMiddleware"]
ROOT_URLCONF = "report.urls"
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
USE_TZ = False
