"""The manifests are what Kubernetes takes, and hold what docs/how-to/docker.md promises."""

from __future__ import annotations

import copy
from pathlib import Path

import kubernetes_validate
import pytest
import yaml

FOLDER = Path(__file__).parents[2] / "docker" / "kubernetes"
MANIFESTS = {path.stem: yaml.safe_load(path.read_text()) for path in sorted(FOLDER.glob("*.yaml"))}
JOBS = sorted(name for name, manifest in MANIFESTS.items() if manifest["kind"] == "Job")
VERSIONS = ("1.31", "1.37")  # podFailurePolicy is stable from the first on


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", MANIFESTS)
def test_schema(name, version):
    kubernetes_validate.validate(MANIFESTS[name], version, strict=True)


def test_a_misspelt_field_is_found():
    manifest = copy.deepcopy(MANIFESTS["workers"])
    manifest["spec"]["paralelism"] = manifest["spec"].pop("parallelism")
    with pytest.raises(kubernetes_validate.ValidationError, match="paralelism"):
        kubernetes_validate.validate(manifest, VERSIONS[-1], strict=True)


@pytest.mark.parametrize("name", JOBS)
def test_ordinary_user_and_secrets_as_files(name):
    pod = MANIFESTS[name]["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] == 1000
    assert pod["automountServiceAccountToken"] is False
    (container,) = pod["containers"]
    assert container["securityContext"] == {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    assert not [one for one in container.get("env", []) if "valueFrom" in one or "PASS" in one["name"]]
    assert "envFrom" not in container
    mounts = {one["name"]: one["mountPath"] for one in container["volumeMounts"]}
    secret = next(volume["name"] for volume in pod["volumes"] if "secret" in volume)
    assert mounts[secret] == "/run/secrets/datajoint"


def test_workers():
    job = MANIFESTS["workers"]["spec"]
    pod = job["template"]["spec"]
    assert job["parallelism"] > 1
    assert "completions" not in job  # a queue, not so many pieces of work
    assert pod["restartPolicy"] == "Never"
    assert pod["terminationGracePeriodSeconds"] >= 30
    assert pod["shareProcessNamespace"] is True
    assert pod["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] == 1
