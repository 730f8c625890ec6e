"""How a value is refused.

Lives here, pure: `BadValue`, with a stable code and a sentence template that is translated where it is shown.
Read next: `values.py`.
"""

from __future__ import annotations


class BadValue(ValueError):
    """A value that an answer cannot have."""

    def __init__(self, code: str, sentence: str, **named: object) -> None:
        super().__init__(code)
        self.code, self.sentence, self.named = code, sentence, named

    def __str__(self) -> str:
        return self.sentence % self.named
