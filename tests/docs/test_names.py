"""Every name in the documents is the name of something: files, functions, commands, settings, codes."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Final

import pytest
from django.core.management import get_commands

from deploy import environment
from sync.conversation import FENCED
from sync.hello import FENCED_BECAUSE
from sync.models import SecurityEvent
from tests.docs.code import (
    PRODUCT,
    defines,
    first_arguments,
    modules,
    room_imports,
    texts_in,
)
from tests.docs.pages import (
    PROTOCOL,
    ROOT,
    SETTINGS,
    documents,
    name_of,
    names_in,
    project_files,
    prose_of,
    text_of,
)

ARCHITECTURE: Final = ROOT / "docs" / "architecture.md"
TOPS: Final = ("sync", "registry", "clinic", "deploy", "templates", "static", "tests", "docs")
FILES: Final = re.compile(r"[\w./-]+\.(?:py|md|toml|txt|html|css|js|json|bin|sh)|[\w.-]+/(?:[\w.-]+/?)*")
IN_FILE: Final = re.compile(r"([\w./-]+\.py)::([\w.]+)")
COMMAND: Final = re.compile(r"manage\.py\s+([a-z_]+)")
TARGET: Final = re.compile(r"(?<![\w-])make ([a-z-]+)")
SETTING: Final = re.compile(r"POSTA_[A-Z0-9]+(?:_[A-Z0-9]+)*|TEST_DATABASE_URL|DATABASE_URL|REDIS_URL")
IN_ENVIRONMENT: Final = ("DATABASE_URL", "REDIS_URL", "TEST_DATABASE_URL")

each_document = pytest.mark.parametrize("document", documents(), ids=name_of)


def test_there_are_documents() -> None:
    assert {"README.md", "docs/architecture.md", "docs/glossary.md", "docs/sync-protocol.md"} <= set(
        map(name_of, documents())
    )


# Files and what is in them


def paths_named(document: Path) -> list[str]:
    """Names in backquotes that are paths from the top of the project."""
    named = [name.partition("::")[0] for name in names_in(document)]
    return [
        name for name in named if FILES.fullmatch(name) and (name.split("/")[0] in TOPS or name in AT_TOP)
    ]


AT_TOP: Final = ("manage.py", "pyproject.toml", "README.md", "CONTRIBUTING.md", "CHANGELOG.md")


@each_document
def test_every_path_exists(document: Path) -> None:
    missing = [name for name in paths_named(document) if "/" in name and not (ROOT / name).exists()]
    assert missing == []


def test_paths_are_recognised() -> None:
    assert "sync/core/merge.py" in paths_named(PROTOCOL)
    assert "sync/run.py" in paths_named(ARCHITECTURE)


@each_document
def test_every_function_is_where_it_is_said_to_be(document: Path) -> None:
    said = IN_FILE.findall(text_of(document))
    assert [f"{path}::{name}" for path, name in said if not defines(ROOT / path, name)] == []


def test_functions_are_recognised() -> None:
    assert defines(ROOT / "sync/ledger/recording.py", "Save.add")
    assert not defines(ROOT / "sync/ledger/recording.py", "Save.subtract")
    assert not defines(ROOT / "sync/ledger/recording.py", "Scribe.add")


def test_the_diagram_of_rooms_is_true() -> None:
    diagram = re.search(r"```mermaid\ngraph TD\n(.*?)```", text_of(ARCHITECTURE), re.DOTALL)
    assert diagram is not None
    assert set(re.findall(r"(\w+) --> (\w+)", diagram[1])) == room_imports()


# Commands, targets


@each_document
def test_every_command_exists(document: Path) -> None:
    assert set(COMMAND.findall(text_of(document))) <= {*get_commands(), "help"}


def test_every_command_of_ours_is_told_somewhere() -> None:
    ours = {
        path.stem
        for path in project_files()
        if path.match("*/management/commands/*.py") and not path.stem.startswith("_")
    }
    inner = {name for name in ours if name.startswith("seed_")}
    told = {name for document in documents() for name in COMMAND.findall(text_of(document))}
    told |= {name for document in documents() for name in TARGET.findall(text_of(document))}
    assert ours - inner - told == set()


@each_document
def test_every_target_of_make_exists(document: Path) -> None:
    known = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert {"demo", "test"} <= known
    lines = [line for line in text_of(document).splitlines() if line.lstrip().startswith("make ")]
    assert set(TARGET.findall("\n".join([*names_in(document), *lines]))) <= known


# Settings


@cache
def settings_in_code() -> set[str]:
    paths = modules(*PRODUCT, "tests")
    found = {
        name
        for path in paths
        if "docs" not in path.parts
        for text in texts_in(path)
        for name in SETTING.findall(text)
        if text == name
    }
    return found - TRIED_OUT


# Names that tests of the environment make up.
TRIED_OUT: Final = frozenset({"POSTA_DEVICE"})


def test_every_setting_is_documented_and_every_documented_one_exists() -> None:
    told = set(SETTING.findall(prose_of(SETTINGS)))
    assert told == settings_in_code()


@each_document
def test_no_document_names_a_setting_that_is_not_there(document: Path) -> None:
    assert set(SETTING.findall(text_of(document))) <= settings_in_code()


def test_defaults_are_as_documented() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \|.*\| ([^|]+) \|$", text_of(SETTINGS), re.MULTILINE))
    assert environment.role({}) == rows["POSTA_ROLE"].strip().strip("`") or "clinic" in rows["POSTA_ROLE"]
    assert all(str(port) in rows["POSTA_PORT"] for port in environment.DEFAULT_PORTS.values())
    assert environment.time_zone({}) == rows["POSTA_TIME_ZONE"].strip("` ")


# Codes of the protocol


def codes_told() -> set[str]:
    return {word for name in names_in(PROTOCOL) for word in re.findall(r"[a-z][a-z-]+", name)}


def test_every_refusal_between_nodes_is_in_the_protocol() -> None:
    paths = modules("sync", "registry")
    refused = {code for path in paths for code in first_arguments(path, "refusal")}
    joining = {code for path in paths for code in first_arguments(path, "_NotWelcome")}
    assert len(refused) > 10 and len(joining) > 2
    assert refused | joining <= codes_told()


def test_every_reason_to_set_a_save_aside_is_in_the_protocol() -> None:
    paths = modules("sync")
    judged = {code for path in paths for code in first_arguments(path, "Verdict", at=1)}
    judged |= {code for path in paths for code in first_arguments(path, "_waiting")}
    values = {code for path in paths for code in first_arguments(path, "CodecError")}
    assert len(judged) > 8 and len(values) > 5
    assert judged | values <= codes_told()


def test_every_reason_of_a_malformed_frame_is_in_the_protocol() -> None:
    paths = modules("sync")
    reasons = {code for path in paths for code in first_arguments(path, "MalformedBatch")}
    reasons |= {code for path in paths for code in first_arguments(path, "malformed_as")}
    assert len(reasons) > 10
    assert reasons <= codes_told()


def test_every_reason_to_fence_is_in_the_protocol_and_has_a_sentence() -> None:
    hello = ROOT / "sync" / "hello.py"
    fences = set(first_arguments(hello, "_fence", at=1)) | set(FENCED_BECAUSE)
    assert fences and fences == set(FENCED)
    assert fences <= codes_told()
    assert SecurityEvent._meta.get_field("code").max_length  # where they are noted
