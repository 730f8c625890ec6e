"""How Posta runs: settings, URLs, ASGI and WSGI doors, Celery, set-up. Imports every room; imported by none.

Read `deploy/settings.py` first.
"""
