"""deploy/: manifests that are valid, name what exists, and keep to the rules."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import kubernetes_validate
import pytest
import typer
import yaml

from orchestrator.cli.main import app
from orchestrator.settings import Settings, variable_name

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
KUBERNETES = DEPLOY / "kubernetes"
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))
OLDEST, NEWEST = "1.30", kubernetes_validate.latest_version()
VARIABLES = {variable_name(name) for name in Settings.model_fields}
PORTAL = {"install", "web-a", "web-b", "worker-a", "worker-b"}
PUBLISHED = {"proxy": {"80", "443"}, "grafana": {"127.0.0.1:3000"}}

Manifest = dict[str, Any]


def _manifests() -> Iterator[tuple[str, Manifest]]:
    for file in sorted(KUBERNETES.glob("*.yaml")):
        for manifest in yaml.safe_load_all(file.read_text("utf-8")):
            if manifest["kind"] != "Kustomization":
                yield f"{manifest['kind']} {manifest['metadata']['name']}", manifest


MANIFESTS = dict(_manifests())
KUSTOMIZATION: Manifest = yaml.safe_load(
    (KUBERNETES / "kustomization.yaml").read_text("utf-8")
)


def _pod(manifest: Manifest) -> Manifest | None:
    """The pod's description in what makes pods."""
    spec = manifest.get("spec", {})
    spec = spec.get("jobTemplate", {}).get("spec", spec)
    template = spec.get("template")
    return None if template is None else dict(template["spec"])


PODS = {name: pod for name, item in MANIFESTS.items() if (pod := _pod(item))}


def _require_command(words: list[str]) -> None:
    """Raise unless `gfo` has this command with these options."""
    assert words[0] == "gfo"
    command: click.Command = typer.main.get_command(app)
    context = click.Context(command)
    rest = words[1:]
    while isinstance(command, click.Group):
        found = command.get_command(context, rest.pop(0))
        assert found is not None, words
        command = found
    command.make_context("gfo", rest)


@pytest.mark.parametrize("name", MANIFESTS)
@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_every_manifest_is_valid(name: str, version: str) -> None:
    kubernetes_validate.validate(MANIFESTS[name], version, strict=True)


def test_the_kustomization_names_every_file() -> None:
    files = {file.name for file in KUBERNETES.glob("*.yaml")} - {"kustomization.yaml"}
    assert set(KUSTOMIZATION["resources"]) == files
    assert len(MANIFESTS) == len(list(_manifests()))  # no two of one name


@pytest.mark.parametrize("name", PODS)
def test_every_pod_runs_without_rights_on_what_it_cannot_change(name: str) -> None:
    pod = PODS[name]
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] == 10_001
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    (container,) = pod["containers"]
    assert container["image"] == "gfo"  # an overlay sets it, by digest
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert container["resources"]["limits"]["memory"]
    assert {"cpu", "memory"} == set(container["resources"]["requests"])
    volumes = {volume["name"] for volume in pod["volumes"]}
    assert {mount["name"] for mount in container["volumeMounts"]} == volumes
    _require_command(container["command"])


@pytest.mark.parametrize("name", PODS)
def test_secrets_come_by_reference_and_only_where_they_are_needed(name: str) -> None:
    (secret,) = [
        volume["secret"] for volume in PODS[name]["volumes"] if "secret" in volume
    ]
    keys = {item["path"] for item in secret["items"]}
    assert {key.upper() for key in keys} <= VARIABLES
    assert {"gfo_secret_key", "database_url"} <= keys
    is_owner = "database_owner_url" in keys
    assert is_owner is not name.startswith("Deployment")
    for container in PODS[name]["containers"]:
        assert "env" not in container


def test_settings_of_the_cluster_exist() -> None:
    (settings,) = KUSTOMIZATION["configMapGenerator"]
    pairs = dict(item.split("=", 1) for item in settings["literals"])
    assert set(pairs) <= VARIABLES
    assert pairs["GFO_ENVIRONMENT"] == "production"
    for pod in PODS.values():
        (source,) = pod["containers"][0]["envFrom"]
        assert source == {"configMapRef": {"name": settings["name"]}}
        mounts = {item["mountPath"] for item in pod["containers"][0]["volumeMounts"]}
        assert {pairs["GFO_DATA_DIR"], pairs["GFO_SECRETS_DIR"]} <= mounts


def test_what_serves_stays_while_it_is_replaced() -> None:
    for name in ("gfo-web", "gfo-worker"):
        labels = {"app.kubernetes.io/name": name}
        deployment = MANIFESTS[f"Deployment {name}"]["spec"]
        assert deployment["replicas"] >= 2
        assert deployment["selector"]["matchLabels"] == labels
        assert deployment["template"]["metadata"]["labels"] == labels
        budget = MANIFESTS[f"PodDisruptionBudget {name}"]["spec"]
        assert budget == {"minAvailable": 1, "selector": {"matchLabels": labels}}
    web = MANIFESTS["Deployment gfo-web"]["spec"]
    assert web["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    (container,) = web["template"]["spec"]["containers"]
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
    # A database that is gone must not have the web processes killed.
    assert container["livenessProbe"]["httpGet"]["path"] == "/healthz"


def test_no_pod_is_left_out_of_the_network_policies() -> None:
    pods = {
        _template(item)["metadata"]["labels"]["app.kubernetes.io/name"]
        for item in MANIFESTS.values()
        if _pod(item)
    }
    nothing = MANIFESTS["NetworkPolicy gfo-nothing"]["spec"]
    assert nothing["policyTypes"] == ["Ingress", "Egress"]
    assert not {"ingress", "egress"} & nothing.keys()
    for name in ("gfo-nothing", "gfo-database"):
        selector = MANIFESTS[f"NetworkPolicy {name}"]["spec"]["podSelector"]
        (expression,) = selector["matchExpressions"]
        assert set(expression["values"]) == pods


def _template(manifest: Manifest) -> Manifest:
    spec = manifest["spec"]
    return dict(spec.get("jobTemplate", {}).get("spec", spec)["template"])


def test_every_image_of_compose_is_named_by_whoever_deploys() -> None:
    for name, service in COMPOSE["services"].items():
        rule = (
            r"\$\{[A-Z]+_IMAGE:\?name it in images\.env as REPOSITORY@sha256:DIGEST\}"
        )
        assert re.fullmatch(rule, service["image"]), name


@pytest.mark.parametrize("name", sorted(PORTAL))
def test_the_portal_in_compose_runs_commands_and_settings_that_exist(name: str) -> None:
    service = COMPOSE["services"][name]
    _require_command(service["command"])
    assert set(service["environment"]) <= VARIABLES
    assert service["environment"]["GFO_ENVIRONMENT"] == "production"
    assert {secret.upper() for secret in service["secrets"]} <= VARIABLES
    assert ("database_owner_url" in service["secrets"]) is (name == "install")
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "ports" not in service


def test_compose_names_what_it_defines_and_publishes_the_proxy_alone() -> None:
    used: set[str] = set()
    for name, service in COMPOSE["services"].items():
        assert set(service.get("secrets", ())) <= set(COMPOSE["secrets"])
        used |= set(service.get("secrets", ()))
        assert set(service["networks"]) <= set(COMPOSE["networks"])
        assert set(service.get("depends_on", ())) <= set(COMPOSE["services"])
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            if source.startswith("./"):
                assert (
                    (DEPLOY / source).exists()
                    or "prometheus" in name
                    or "grafana" in name
                )
            else:
                assert source in COMPOSE["volumes"]
        ports = {port.rpartition(":")[0] for port in service.get("ports", ())}
        assert ports == PUBLISHED.get(name, set())
    assert used == set(COMPOSE["secrets"])
    assert set(COMPOSE["services"]) >= PORTAL


def test_the_proxy_passes_to_the_web_processes_of_compose() -> None:
    config = (DEPLOY / "proxy" / "nginx.conf").read_text("utf-8")
    assert set(re.findall(r"server ([\w-]+):8050", config)) == {"web-a", "web-b"}
    assert "proxy_request_buffering on" in config
    proxy = COMPOSE["services"]["proxy"]
    assert set(re.findall(r"/run/secrets/(\w+)", config)) == set(proxy["secrets"])
    # As many as the portal is told to trust, and no header is passed on from outside.
    assert COMPOSE["services"]["web-a"]["environment"]["GFO_TRUSTED_PROXY_COUNT"] == "1"
    assert "X-Forwarded-For $remote_addr;" in config
