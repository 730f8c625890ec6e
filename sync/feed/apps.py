"""Registers `sync.feed`."""

from django.apps import AppConfig
from django.core.checks import Tags, register
from django.db.models.signals import post_migrate


class FeedConfig(AppConfig):
    name = "sync.feed"
    label = "feed"
    verbose_name = "Feed"

    def ready(self) -> None:
        """Central's database refuses by itself what the code's checks should have refused."""
        from sync.feed.wall import build_wall, check_wall

        register(check_wall, Tags.database)
        post_migrate.connect(build_wall, sender=self)
