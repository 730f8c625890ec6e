"""The demo for real: separate processes, HTTPS, the encrypted engine, signals.

Not here: what it is made of (`tests/deploy/test_demo.py`).
"""

from __future__ import annotations

import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import httpx
import pytest
from django.conf import settings

from deploy.demo.check import free_ports
from deploy.demo.layout import ground_at
from deploy.demo.people import plan
from deploy.demo.programme import VILLAGES, colleague
from deploy.demo.tablet import Tablet
from registry.staff.policy import Role
from tests.clinic.exchange.package_sample import sample, written

pytestmark = [pytest.mark.system, pytest.mark.once]
PEOPLE = 5


def environment(home: Path) -> dict[str, str]:
    ours = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("POSTA_") and name not in ("DATABASE_URL", "REDIS_URL")
    }
    return ours | {"POSTA_DATA": str(home / "data"), "TMPDIR": str(home)}


def demo(home: Path, *arguments: object, patience: float = 400) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        argv(*arguments), env=environment(home), text=True, capture_output=True, timeout=patience, check=False
    )


def argv(*arguments: object) -> list[str]:
    return [sys.executable, str(settings.BASE_DIR / "manage.py"), "demo", *map(str, arguments)]


def still_running(home: Path) -> list[str]:
    """Every process whose command line or environment names this directory."""
    listed = subprocess.run(["ps", "axeww", "-o", "pid=,args="], text=True, capture_output=True, check=True)
    return [line for line in listed.stdout.splitlines() if str(home) in line]


def test_a_whole_day_ends_with_equal_data(tmp_path: Path) -> None:
    """With a DHIS2 package: imported at central, filled in at the clinic, equal everywhere."""
    package = tmp_path / "package.json"
    package.write_bytes(written(sample()))
    done = demo(tmp_path, "--check", "--people", 6, "--programs", package, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    told = json.loads(lines[-1])
    assert told.pop("seconds") > 0
    assert told.pop("uploaded") == told.pop("receipts_verified") > 60
    assert told == {
        "people": 6,
        "visits": 8,
        "events": 21,
        "clinics": 2,
        "unsent": 0,
        "conflicts": 0,
        "digests_equal": True,
    }
    assert any("none lost" in line for line in lines)
    assert any("1 imported programs, one event in each of their stages" in line for line in lines)
    assert still_running(tmp_path) == []
    assert list(tmp_path.glob("posta-check-*")) == []


class Started:
    """A demo on its way, in a process group of its own as a terminal gives it one."""

    def __init__(self, home: Path, *arguments: object) -> None:
        self.home, self.lines = home, list[str]()
        self.process = subprocess.Popen(
            argv(*arguments),
            env=environment(home),
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    @property
    def _out(self) -> IO[str]:
        assert self.process.stdout is not None
        return self.process.stdout

    def says(self, words: str) -> str:
        for line in self._out:
            self.lines.append(line)
            if words in line:
                return line
        raise AssertionError("".join(self.lines))

    def ends(self) -> str:
        """What it says at the end; nothing of it may be left."""
        rest = self._out.read()
        assert self.process.wait(60) == 0, rest
        assert still_running(self.home) == []
        return rest


@contextmanager
def started(home: Path, *arguments: object) -> Iterator[Started]:
    one = Started(home, *arguments)
    try:
        yield one
    finally:
        one.process.kill()  # its nodes end with it
        one.process.wait()
        one._out.close()


def test_it_goes_on_where_it_was_and_ctrl_c_leaves_nothing(tmp_path: Path) -> None:
    central, clinic = free_ports(2)
    options = ["--central-port", central, "--clinic-port", clinic, "--people", PEOPLE, "--json"]
    with started(tmp_path, *options) as first:
        first.says("Setting up the clinic")
        time.sleep(1)
        first.process.terminate()
        assert "nothing of the demo is running" in first.ends()
    with started(tmp_path, *options) as second:
        told = json.loads(second.says('"clinic": "https://'))
        assert told["central"] == f"https://localhost:{central}"
        assert told["clinic"] == f"https://localhost:{clinic}"
        everybody_is_there_once(tmp_path / "data" / "demo")
        a_browser_logs_in(told)
        central_can_be_switched_off(tmp_path, told)
        os.killpg(second.process.pid, signal.SIGINT)
        assert "nothing of the demo is running" in second.ends()


def everybody_is_there_once(directory: Path) -> None:
    ground = ground_at(directory, central_port=None, clinic_ports=(None,))
    with Tablet(ground.clinics[0], ground.ca, "tablet-a", colleague(Role.REGISTRAR)) as tablet:
        for who in plan(PEOPLE, datetime.now(UTC), len(VILLAGES)).people:
            name = f"{who.given_name} {who.family_name}"
            found = [one["name"] for one in tablet.get("patients/", q=name)["results"]]
            assert found.count(name) == 1


def a_browser_logs_in(told: dict[str, Any]) -> None:
    """As browsers do it: HTTP/2, each cookie in a line of its own."""
    trust = ssl.create_default_context(cafile=told["ca"])
    staff = {one["role"]: one for one in told["staff"]}
    for node, role in (("clinic", "provider"), ("central", "central-admin")):
        with httpx.Client(http2=True, verify=trust, base_url=told[node], trust_env=False) as browser:
            page = browser.get("/account/login/")
            assert (page.status_code, page.http_version) == (200, "HTTP/2")
            cookies = dict(browser.cookies)
            browser.cookies.clear()
            token = next(value for name, value in cookies.items() if "csrf" in name)
            answer = browser.post(
                "/account/login/",
                data={
                    "login": staff[role]["username"],
                    "password": staff[role]["password"],
                    "csrfmiddlewaretoken": token,
                },
                headers=[
                    ("referer", f"{told[node]}/account/login/"),
                    *(("cookie", f"{name}={value}") for name, value in cookies.items()),
                ],
            )
            assert (answer.status_code, answer.headers["location"]) == (302, "/")


def central_can_be_switched_off(home: Path, told: dict[str, Any]) -> None:
    trust = ssl.create_default_context(cafile=told["ca"])
    assert demo(home, "--central", "off").returncode == 0
    with pytest.raises(httpx.ConnectError):
        httpx.get(told["central"], verify=trust, trust_env=False)
    page = httpx.get(f"{told['clinic']}/account/login/", verify=trust, trust_env=False)
    assert page.status_code == 200
    assert demo(home, "--central", "on").returncode == 0
    assert httpx.get(told["central"], verify=trust, trust_env=False).status_code == 302


def test_a_port_in_use_is_one_sentence(tmp_path: Path) -> None:
    (free,) = free_ports(1)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = demo(tmp_path, "--clinic-port", port, "--central-port", free)
    assert (done.returncode, done.stdout) == (1, "")
    (sentence,) = done.stderr.splitlines()
    assert f"Port {port}" in sentence
    assert "in use" in sentence


def test_a_switch_without_a_demo_says_so(tmp_path: Path) -> None:
    done = demo(tmp_path, "--central", "off")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "No demo runs" in done.stderr
