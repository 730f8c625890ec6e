"""How a browser's file reaches us: in memory, and never more than a file may hold.

Lives here: `InMemory`, the upload handler of every page and call. Django's own would write a large file to
the disk as it came, readable for whoever takes the laptop. What is too large is read to its end and thrown
away, so that the rest of the form arrives. Not here: what may be attached
(`registry/attachments/policy.py`).
"""

from __future__ import annotations

from io import BytesIO
from typing import Any, Final

from django.core.exceptions import RequestDataTooBig
from django.core.files.uploadedfile import InMemoryUploadedFile
from django.core.files.uploadhandler import FileUploadHandler, StopFutureHandlers

from sync.files.store import LARGEST_FILE

LARGEST_REQUEST: Final = 64 << 20  # what is larger is not even read to its end
ENOUGH: Final = 64  # bytes of a file that is too large: what it was can still be told


class InMemory(FileUploadHandler):
    """Keeps a file in memory. One that is too large arrives cut short, with its real size."""

    def handle_raw_input(
        self,
        input_data: Any,
        META: Any,  # noqa: N803  Django's name
        content_length: int,
        boundary: Any,
        encoding: Any = None,
    ) -> None:
        if content_length > LARGEST_REQUEST:
            raise RequestDataTooBig

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        self._held, self._there = BytesIO(), 0
        raise StopFutureHandlers

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        self._there = start + len(raw_data)
        if self._there <= LARGEST_FILE:
            self._held.write(raw_data)
        else:
            self._held.truncate(ENOUGH)
            self._held.seek(ENOUGH)

    def file_complete(self, file_size: int) -> InMemoryUploadedFile:
        self._held.seek(0)
        return InMemoryUploadedFile(
            file=self._held,
            field_name=self.field_name,
            name=self.file_name or "",
            content_type=self.content_type or "",
            size=file_size,
            charset=self.charset,
            content_type_extra=self.content_type_extra,
        )
