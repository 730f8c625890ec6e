"""How a policy says no.

Lives here, pure: `Refused`, which `check_x` functions raise with a stable code and an English sentence, and
`_`, which marks such a sentence for the translators without needing Django. Not here: the answer people and
programs see (`registry/answers.py` turns a `Refused` into a `Problem` in the reader's language).
Read next: `registry/people/policy.py`.
"""

from __future__ import annotations

from collections.abc import Mapping


def _(sentence: str) -> str:
    """Mark a sentence for translation; the translation itself happens in `registry/answers.py`."""
    return sentence


class Refused(Exception):
    """Something that may not be done. `fields` maps an input's name to the sentence beside it."""

    def __init__(
        self, code: str, title: str, *, status: int = 400, fields: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(code)
        self.code, self.title, self.status = code, title, status
        self.fields = dict(fields or {})

    @classmethod
    def field(cls, name: str, code: str, sentence: str) -> Refused:
        """A refusal that is about one input."""
        return cls(code, sentence, fields={name: sentence})

    def __str__(self) -> str:
        return f"{self.code}: {self.title}"
