"""Registers `sync.feed`."""

from django.apps import AppConfig


class FeedConfig(AppConfig):
    name = "sync.feed"
    label = "feed"
    verbose_name = "Feed"
