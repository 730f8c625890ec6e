"""Registers `sync.ledger`."""

from django.apps import AppConfig


class LedgerConfig(AppConfig):
    name = "sync.ledger"
    label = "ledger"
    verbose_name = "Change log"
