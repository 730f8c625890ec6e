"""From an empty directory to nodes that serve: the one order in which a demo is set up.

Lives here: `set_up_central`, `set_up_clinic`. Each is one process per node and may be repeated after an
interruption. Not here: what the processes do (`seed_demo`), stopping (`nodes.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from deploy.demo.layout import HOLDS, DemoNode, Ground
from deploy.demo.nodes import Serving, run_step


def set_up_central(ground: Ground, packages: Sequence[Path] = ()) -> str:
    """Fill central; answers the first clinic's joining code, empty where that has joined."""
    extra = ["--programs", *(str(path.absolute()) for path in packages)] if packages else []
    code: str = _step(ground, ground.central, "central", ground.clinics[0], *extra)["code"]
    return code


def set_up_clinic(ground: Ground, clinic: DemoNode, code: str, people: int = 0) -> dict[str, Any]:
    """Join with the code, fetch the programme, write the people. Central must serve."""
    return _step(
        ground,
        clinic,
        "clinic",
        clinic,
        "--central",
        ground.central.url,
        "--code",
        code,
        "--people",
        str(people),
    )


def offer_code(ground: Ground, clinic: DemoNode) -> str:
    """Central's one-time code for one more clinic."""
    about = ["--facility", clinic.facility, "--mode", HOLDS]
    offered = run_step(ground.central, "enroll_node", clinic.name, *about, "--json")
    code: str = offered["code"]
    return code


def _step(ground: Ground, node: DemoNode, step: str, clinic: DemoNode, *more: str) -> dict[str, Any]:
    about = ["--ca", str(ground.ca.parent), "--began", str(ground.began)]
    about += ["--name", clinic.name, "--facility", clinic.facility]
    return run_step(node, "seed_demo", "--json", step, *about, *more)


def serve(*servings: Serving) -> None:
    """Start nodes together and wait until each answers."""
    for one in servings:
        one.start()
    for one in servings:
        one.await_answer()
