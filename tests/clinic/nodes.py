"""A central of its own for tests that publish programs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest

from clinic.programs.selectors import definition_of
from sync.core.protocol import first_digest
from sync.ledger.models import Replica
from sync.ledger.recording import Author
from sync.node import Node, acting_as

NOW = datetime(2025, 11, 20, 9, 30, tzinfo=UTC)
OFFICE = Author(None, "office")


@pytest.fixture
def central(db: None, tmp_path: Path) -> Iterator[Node]:
    """Central, with an empty database and a clock that stands at 20 November 2025."""
    node = Node(
        role="central", data_dir=tmp_path / "node", name="central", wall=lambda: int(NOW.timestamp() * 1000)
    )
    with acting_as(node):
        replica = uuid4()
        Replica.objects.create(
            uuid=replica, is_self=True, node_name="central", head_digest=first_digest(replica)
        )
        yield node
    definition_of.cache_clear()
