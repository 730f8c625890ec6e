"""Registers `clinic.exchange.dhis2`."""

from django.apps import AppConfig


class ExchangeDhis2Config(AppConfig):
    name = "clinic.exchange.dhis2"
    label = "exchange_dhis2"
    verbose_name = "DHIS2"
