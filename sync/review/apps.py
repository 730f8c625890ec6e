"""Registers `sync.review`."""

from django.apps import AppConfig


class ReviewConfig(AppConfig):
    name = "sync.review"
    label = "review"
    verbose_name = "Review"
