"""Tests of how replicas come to agree: one module per module of `sync`."""
