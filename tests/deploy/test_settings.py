"""The environment of a node: defaults, refusals in one sentence, and the secrets it makes for itself."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpResponse
from django.test import Client, RequestFactory

from deploy import environment
from deploy.middleware import NoStore

ROOT = Path(__file__).parents[2]
HALF_A_YEAR_S = 180 * 24 * 3600
SHOW = """
import json
from django.conf import settings
print(json.dumps({name: getattr(settings, name) for name in NAMES}, default=str))
"""


def manage(tmp_path: Path, *args: str, **variables: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("POSTA_")}
    inherited.pop("DATABASE_URL", None)
    env = {**inherited, "POSTA_DATA": str(tmp_path / "node"), **variables}
    return subprocess.run(
        [sys.executable, "manage.py", *args], cwd=ROOT, env=env, capture_output=True, text=True, check=False
    )


def shown(tmp_path: Path, *names: str, **variables: str) -> dict[str, Any]:
    code = SHOW.replace("NAMES", repr(names))
    answer = manage(tmp_path, "shell", "--no-imports", "-c", code, **variables)
    assert answer.returncode == 0, answer.stderr
    return json.loads(answer.stdout)  # type: ignore[no-any-return]


# --- from the environment ----------------------------------------------------------------------------------


def test_without_any_variable_a_node_is_a_clinic_on_its_own_encrypted_database(tmp_path: Path) -> None:
    found = shown(tmp_path, "POSTA_ROLE", "POSTA_PORT", "POSTA_DATA", "DATABASES", "CELERY_BROKER_URL")
    assert (found["POSTA_ROLE"], found["POSTA_PORT"]) == ("clinic", 8000)
    assert found["POSTA_DATA"] == str(tmp_path / "node")
    assert found["DATABASES"]["default"]["ENGINE"] == "sync.vault.sqlcipher"
    assert found["DATABASES"]["default"]["NAME"] == str(tmp_path / "node" / "posta.db")
    assert found["CELERY_BROKER_URL"] == "memory://"


def test_a_central_with_servers_of_its_own(tmp_path: Path) -> None:
    found = shown(
        tmp_path,
        *("POSTA_PORT", "DATABASES", "CACHES", "CELERY_BROKER_URL", "SECURE_HSTS_SECONDS"),
        POSTA_ROLE="central",
        POSTA_HSTS="yes",
        DATABASE_URL="postgresql://posta:secret@db.example:5433/posta",
        REDIS_URL="redis://cache.example:6379/2",
    )
    database = found["DATABASES"]["default"]
    assert found["POSTA_PORT"] == 9000
    assert database["ENGINE"] == "django.db.backends.postgresql"
    assert (database["HOST"], database["PORT"], database["NAME"]) == ("db.example", 5433, "posta")
    assert found["CACHES"]["default"]["LOCATION"] == "redis://cache.example:6379/2"
    assert found["CELERY_BROKER_URL"] == "redis://cache.example:6379/2"
    assert found["SECURE_HSTS_SECONDS"] == HALF_A_YEAR_S


def test_the_embedded_brokers_socket_serves_cache_and_tasks(tmp_path: Path) -> None:
    found = shown(tmp_path, "CACHES", "CELERY_BROKER_URL", POSTA_BROKER_SOCKET="/run/posta/broker.sock")
    assert found["CACHES"]["default"]["LOCATION"] == "unix:///run/posta/broker.sock"
    assert found["CELERY_BROKER_URL"] == "redis+socket:///run/posta/broker.sock"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("POSTA_ROLE", "hospital"),
        ("POSTA_ROLE", ""),
        ("POSTA_PORT", "http"),
        ("POSTA_PORT", "0"),
        ("POSTA_PORT", "65536"),
        ("POSTA_PORT", "٨٠٠٠"),
        ("POSTA_DATA", " "),
        ("POSTA_DATA", "/dev/null/node"),
        ("POSTA_HOSTS", "clinic.example/x"),
        ("POSTA_TABLETS", ""),
        ("POSTA_TABLETS", "all"),
        ("POSTA_HSTS", "on"),
        ("POSTA_BROKER_SOCKET", "broker.sock"),
        ("POSTA_POWER_OFF", "power-off"),
        ("DATABASE_URL", ""),
        ("DATABASE_URL", "mysql://posta:hunter2@host/name"),
        ("DATABASE_URL", "postgresql://posta:hunter2@host:port/name"),
        ("DATABASE_URL", "postgresql://posta:hunter2@host"),
        ("REDIS_URL", "localhost:6379"),
        ("REDIS_URL", "amqp://host"),
        ("REDIS_URL", "unix://"),
    ],
)
def test_a_malformed_value_is_refused_by_name(tmp_path: Path, name: str, value: str) -> None:
    env = {"POSTA_DATA": str(tmp_path / "node"), name: value}
    with pytest.raises(ImproperlyConfigured, match=f"^{name} ") as refused:
        environment.role(env)
        environment.port(env, "clinic")
        environment.data_dir(env, tmp_path)
        environment.hosts(env)
        environment.tablets(env)
        environment.hsts(env)
        environment.power_off(env)
        environment.broker(env)
        environment.postgres(env)
    assert "hunter2" not in str(refused.value)


def test_further_names_are_taken_as_people_write_them() -> None:
    env = {"POSTA_HOSTS": "Posta.Example.org, 10.0.0.7,,[fd00::7], "}
    assert environment.hosts(env) == ["posta.example.org", "10.0.0.7", "[fd00::7]"]


def test_a_task_of_a_killed_worker_comes_back() -> None:
    from deploy.celery import app

    assert app.conf.task_acks_late
    assert app.conf.task_reject_on_worker_lost
    assert app.conf.accept_content == ["json"]
    assert app.conf.broker_transport_options["visibility_timeout"] >= 20
    assert app.conf.broker_transport_options["unacked_restore_interval"] == 2


def test_pages_hand_tasks_to_this_nodes_application() -> None:
    from celery import current_app

    assert current_app.main == "posta"


def test_the_beat_knows_its_tasks_before_anything_set_django_up(tmp_path: Path) -> None:
    code = "from deploy.celery import app; app.loader.import_default_modules(); import json;"
    code += "print(json.dumps([[e['task'] for e in app.conf.beat_schedule.values()], list(app.tasks)]))"
    env = {**os.environ, "POSTA_DATA": str(tmp_path)}
    answer = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, check=True)
    planned, known = json.loads(answer.stdout)
    assert planned
    assert set(planned) <= set(known)


def test_the_command_line_answers_with_that_one_sentence(tmp_path: Path) -> None:
    answer = manage(tmp_path, "check", POSTA_ROLE="hospital")
    assert (answer.returncode, answer.stdout) == (2, "")
    assert answer.stderr == "posta: POSTA_ROLE must be clinic or central, not 'hospital'.\n"


# --- secrets -----------------------------------------------------------------------------------------------


def test_a_nodes_directory_is_closed_to_others(tmp_path: Path) -> None:
    path = environment.data_dir({"POSTA_DATA": str(tmp_path / "a" / "node")}, tmp_path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o700
    assert stat.S_IMODE((path / "keys").stat().st_mode) == 0o700


def test_a_secret_is_made_once_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    first = environment.secret(tmp_path, "django-secret")
    assert len(first) >= 60
    assert environment.secret(tmp_path, "django-secret") == first
    assert environment.secret(tmp_path, "other-secret") != first
    assert stat.S_IMODE((tmp_path / "django-secret").stat().st_mode) == 0o600


def test_processes_that_start_together_agree_on_the_secret(tmp_path: Path) -> None:
    with ThreadPoolExecutor(16) as pool:
        found = set(pool.map(lambda _: environment.secret(tmp_path, "django-secret"), range(64)))
    assert len(found) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["django-secret"]


def test_a_damaged_secret_is_not_replaced_in_silence(tmp_path: Path) -> None:
    (tmp_path / "django-secret").write_text("short")
    with pytest.raises(ImproperlyConfigured, match="damaged"):
        environment.secret(tmp_path, "django-secret")


# --- what browsers see -------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_every_page_forbids_foreign_scripts_and_the_disk_cache(client: Client) -> None:
    answer = client.get("/no-such-page/")
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Frame-Options"] == "DENY"


def test_a_view_may_choose_its_own_caching() -> None:
    def view(request: object) -> HttpResponse:
        return HttpResponse(headers={"Cache-Control": "max-age=60"})

    answer = NoStore(view)(RequestFactory().get("/"))
    assert answer.headers["Cache-Control"] == "max-age=60"


def test_an_unknown_host_is_refused(client: Client) -> None:
    assert client.get("/", headers={"host": "elsewhere.example"}).status_code == 400


@pytest.mark.django_db
def test_the_api_describes_itself(client: Client) -> None:
    answer = client.get("/api/v1/schema/", headers={"accept": "application/json"})
    assert answer.status_code == 200
    assert json.loads(answer.content)["openapi"].startswith("3.")


def test_nothing_here_reaches_for_the_network() -> None:
    assert "allauth.socialaccount" not in settings.INSTALLED_APPS
    assert "allauth.mfa" in settings.INSTALLED_APPS
    assert settings.PASSWORD_HASHERS is not None
    assert not settings.DEBUG


def test_the_two_nodes_of_one_machine_keep_their_people_apart(tmp_path: Path) -> None:
    clinic = shown(tmp_path, "SESSION_COOKIE_NAME", "CSRF_COOKIE_NAME")
    central = shown(tmp_path, "SESSION_COOKIE_NAME", "CSRF_COOKIE_NAME", POSTA_ROLE="central")
    assert not set(clinic.values()) & set(central.values())
