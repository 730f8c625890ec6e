"""The Wi-Fi between a tablet and the laptop, which a test takes away: connections break, and none comes
through.

Lives here: `Wifi`, a relay of bytes on a port of its own; it reads nothing. Pages and the service worker
both feel it, unlike the browser's own offline switch, which workers escape.
"""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

PIECE: Final = 65536


@dataclass
class Wifi:
    """Relays `port` to the laptop's port while it is up; `source` is the address that the laptop sees."""

    laptop_port: int
    source: str = "127.0.0.1"
    up: bool = True
    port: int = 0
    _listener: socket.socket = field(default_factory=socket.socket)
    _open: set[socket.socket] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def start(self) -> Wifi:
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(64)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def lose(self) -> None:
        """Gone, in the middle of whatever was said."""
        self.up = False
        self._break()

    def find(self) -> None:
        self.up = True

    def stop(self) -> None:
        self.up = False
        self._listener.close()
        self._break()

    def _break(self) -> None:
        with self._lock:
            broken, self._open = self._open, set()
        for end in broken:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                tablet, _address = self._listener.accept()
                if self.up:
                    self._join(tablet)
                else:
                    tablet.close()

    def _join(self, tablet: socket.socket) -> None:
        try:
            laptop = socket.create_connection(
                ("127.0.0.1", self.laptop_port), source_address=(self.source, 0)
            )
        except OSError:
            tablet.close()
            return
        with self._lock:
            self._open |= {tablet, laptop}
        for source, sink in ((tablet, laptop), (laptop, tablet)):
            threading.Thread(target=self._relay, args=(source, sink), daemon=True).start()

    def _relay(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while piece := source.recv(PIECE):
                sink.sendall(piece)
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
        with self._lock:
            self._open -= {source, sink}
