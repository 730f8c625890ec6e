#!/usr/bin/env python3
"""The command line of one Posta node: every command is `manage.py <name>`.

What a command does lives in the `management/commands` of the app that owns it; settings live in
`deploy/settings.py`. Here is only the door, and that a wrong environment variable ends in one sentence
instead of a traceback.
"""

import os
import sys


def main() -> int:
    if sys.version_info < (3, 11):  # noqa: UP036  this is where an older one learns it
        found = ".".join(str(part) for part in sys.version_info[:2])
        print(f"posta: Posta needs Python 3.11 or newer; this is {found}.", file=sys.stderr)
        return 1
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "deploy.settings")
    from django.conf import settings
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    try:
        settings.INSTALLED_APPS  # noqa: B018  the first access reads the environment
    except ImproperlyConfigured as problem:
        print(f"posta: {problem}", file=sys.stderr)
        return 2
    execute_from_command_line(sys.argv)
    return 0


if __name__ == "__main__":
    sys.exit(main())
