"""The Celery application of a node. Its settings are the `CELERY_…` names of `deploy/settings.py`.

Not here: the tasks and how often they run (`sync/tasks.py`), starting a worker (`serve`).
"""

import os

import django
from celery import Celery
from django.apps import apps

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "deploy.settings")

app = Celery("posta")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

if not apps.models_ready:
    django.setup()

from sync.tasks import SCHEDULE  # noqa: E402  its models need Django set up

app.conf.beat_schedule = SCHEDULE
