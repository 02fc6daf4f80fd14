"""The compose files keep to what docs/how-to/docker.md promises. docker/check.sh has docker-compose read them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from pipeline.cli import cli

DOCKER = Path(__file__).parents[2] / "docker"
COMPOSE = yaml.safe_load((DOCKER / "compose.yaml").read_text())
SERVICES = COMPOSE["services"]
OWN = sorted(name for name, service in SERVICES.items() if service["image"].startswith("hypercolumn-"))
LASTING = sorted(set(SERVICES) - {"migrate"})


def targets(service: dict) -> dict[str, str]:
    """Path in the container: name of the secret."""
    listed = [one if isinstance(one, dict) else {"source": one} for one in service["secrets"]]
    return {one.get("target", f"/run/secrets/{one['source']}"): one["source"] for one in listed}


def seconds(duration: str) -> int:
    number, unit = re.fullmatch(r"(\d+)([sm])", duration).groups()
    return int(number) * {"s": 1, "m": 60}[unit]


def test_services():
    assert OWN == ["jupyter", "migrate", "worker"]
    assert set(SERVICES) == {"mysql", *OWN}


@pytest.mark.parametrize("name", OWN)
def test_ordinary_user(name):
    assert SERVICES[name]["user"] == "1000"
    assert SERVICES[name]["cap_drop"] == ["ALL"]
    assert SERVICES[name]["security_opt"] == ["no-new-privileges:true"]


@pytest.mark.parametrize("name", SERVICES)
def test_init_reaps_and_passes_signals_on(name):
    assert SERVICES[name]["init"] is True


@pytest.mark.parametrize("name", LASTING)
def test_health_and_time_to_stop(name):
    assert SERVICES[name]["healthcheck"]["test"][0] == "CMD"
    assert seconds(SERVICES[name]["stop_grace_period"]) >= 30
    assert SERVICES[name]["restart"] == "unless-stopped"


def test_tables_are_there_before_workers():
    assert SERVICES["migrate"]["depends_on"] == {"mysql": {"condition": "service_healthy"}}
    for name in ("worker", "jupyter"):
        assert SERVICES[name]["depends_on"] == {"migrate": {"condition": "service_completed_successfully"}}
    assert SERVICES["worker"]["environment"]["DJ_CREATE_TABLES"] == "false"


@pytest.mark.parametrize("name", SERVICES)
def test_this_machine_only(name):
    for port in SERVICES[name].get("ports", []):
        assert port.startswith("127.0.0.1:")
    assert "network_mode" not in SERVICES[name]


@pytest.mark.parametrize("name", SERVICES)
def test_secrets_are_files(name):
    secrets = targets(SERVICES[name])
    assert secrets
    assert set(secrets.values()) <= set(COMPOSE["secrets"])
    for variable, value in SERVICES[name].get("environment", {}).items():
        if re.search("PASS|TOKEN|SECRET|KEY", variable):
            assert variable.endswith("_FILE")
            assert value in secrets
    for name, secret in COMPOSE["secrets"].items():
        assert secret == {"file": f"./secrets/{name}"}


def mounts(service: dict) -> dict[str, str]:
    """Path in the container: file or volume."""
    return dict(reversed(volume.split(":")[:2]) for volume in service["volumes"])


@pytest.mark.parametrize("name", OWN)
def test_one_configuration_and_store(name):
    assert mounts(SERVICES[name])["/analysis/datajoint.json"] == "./datajoint.json"
    assert mounts(SERVICES[name])["/store"] == "store"
    assert targets(SERVICES[name])["/run/secrets/datajoint/database.password"] == "database_password"


def test_datajoint_reads_them(tmp_path, monkeypatch):
    """In a folder of secrets as they are named there; docker/check.sh mounts them where they are in containers."""
    shutil.copy(DOCKER / "datajoint.json", tmp_path)
    (tmp_path / ".secrets").mkdir()
    (tmp_path / ".secrets" / "database.password").write_text("of a file\n")
    for variable in ("DJ_HOST", "DJ_PORT", "DJ_USER", "DJ_PASS", "DJ_BACKEND", "DJ_STORES"):
        monkeypatch.delenv(variable, raising=False)
    read = (
        "import json, pipeline, datajoint as dj; found = dj.config['database.password'], dj.config['database.host'],"
        " dj.config['database.user'], dj.config.get_store_spec('main')['location']; print(json.dumps(found))"
    )
    done = subprocess.run([sys.executable, "-c", read], cwd=tmp_path, capture_output=True, text=True, check=True)
    user = SERVICES["mysql"]["environment"]["MYSQL_USER"]
    assert json.loads(done.stdout) == ["of a file", "mysql", user, "/store"]
    assert f"TO '{user}'@" in (DOCKER / "mysql" / "grant.sql").read_text()


def test_commands():
    ran = [SERVICES["worker"]["command"], SERVICES["worker"]["healthcheck"]["test"][2:]]
    for name, *options in ran:
        cli.commands[name].make_context(name, options)  # click raises what it does not know


def test_gpu():
    service = yaml.safe_load((DOCKER / "compose.gpu.yaml").read_text())["services"]
    assert list(service) == ["worker"]
    (device,) = service["worker"]["deploy"]["resources"]["reservations"]["devices"]
    assert (device["driver"], device["capabilities"]) == ("nvidia", ["gpu"])
