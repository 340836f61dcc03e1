"""deploy/: manifests that are valid, name what exists, and keep to the rules."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
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
PORT = Settings.model_fields["port"].default
_GUNICORN = (DEPLOY.parent / "webapp" / "gunicorn_settings.py").read_text("utf-8")
GRACEFUL_S = int(_GUNICORN.partition("graceful_timeout = ")[2].split()[0])
DOCKERFILE = (DEPLOY.parent / "Dockerfile").read_text("utf-8")
DOCUMENT = (DEPLOY.parent / "docs" / "operations.md").read_text("utf-8")
PORTAL = {"install", "web-a", "web-b", "worker-a", "worker-b"}
KUBECTL = shutil.which("kubectl")
PROBES = ("startup", "liveness", "readiness")
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


def test_what_kustomize_makes_of_them_is_valid_and_named_throughout() -> None:
    if KUBECTL is None:
        pytest.skip("there is no kubectl")
    made = subprocess.run(
        [KUBECTL, "kustomize", str(KUBERNETES)],
        capture_output=True,
        text=True,
        check=True,
    )
    manifests = list(yaml.safe_load_all(made.stdout))
    for manifest in manifests:
        kubernetes_validate.validate(manifest, NEWEST, strict=True)
    settings = {
        item["metadata"]["name"] for item in manifests if item["kind"] == "ConfigMap"
    }
    assert len(manifests) == len(MANIFESTS) + len(settings)
    pods = [pod for item in manifests if (pod := _pod(item))]
    used = {
        source["configMapRef"]["name"]
        for pod in pods
        for source in pod["containers"][0]["envFrom"]
    }
    assert used == settings


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


def test_every_alert_is_explained_and_prometheus_asks_each_web_process() -> None:
    folder = DEPLOY / "prometheus"
    rules = yaml.safe_load((folder / "alerts.yml").read_text("utf-8"))
    alerts = {rule["alert"] for group in rules["groups"] for rule in group["rules"]}
    assert {name for name in alerts if name not in DOCUMENT} == set()
    config = yaml.safe_load((folder / "prometheus.yml").read_text("utf-8"))
    (scraped,) = config["scrape_configs"]
    assert scraped["static_configs"] == [{"targets": ["web-a:8050", "web-b:8050"]}]
    token = scraped["authorization"]["credentials_file"]
    prometheus = COMPOSE["services"]["prometheus"]
    assert token == f"/run/secrets/{prometheus['secrets'][0]}"


def test_whatever_asks_the_portal_uses_its_port_and_addresses_that_it_has() -> None:
    compose = (DEPLOY / "compose.yaml").read_text("utf-8")
    asked = re.findall(r"http://127\.0\.0\.1:(\d+)(/\w+)", DOCKERFILE + compose)
    assert set(asked) == {(str(PORT), "/readyz")}
    assert f"EXPOSE {PORT}\n" in DOCKERFILE
    (web,) = PODS["Deployment gfo-web"]["containers"]
    assert web["ports"] == [{"name": "http", "containerPort": PORT}]
    probes = [web[f"{name}Probe"]["httpGet"] for name in PROBES]
    assert {probe["port"] for probe in probes} == {"http"}
    health = (DEPLOY.parent / "webapp" / "health.py").read_text("utf-8")
    served = set(re.findall(r'add_route\(health, "(/\w+)"', health))
    assert {probe["path"] for probe in probes} == {"/healthz", "/readyz"} < served
    assert served - {"/healthz", "/readyz"} == {"/metrics"}  # where Prometheus asks
    service = MANIFESTS["Service gfo-web"]["spec"]
    labels = _template(MANIFESTS["Deployment gfo-web"])["metadata"]["labels"]
    assert service["selector"].items() <= labels.items()
    assert [port["targetPort"] for port in service["ports"]] == ["http"]
    (rule,) = MANIFESTS["Ingress gfo-web"]["spec"]["rules"]
    (path,) = rule["http"]["paths"]
    backend = {"name": "gfo-web", "port": {"name": service["ports"][0]["name"]}}
    assert path["backend"]["service"] == backend
    (let_in,) = MANIFESTS["NetworkPolicy gfo-web"]["spec"]["ingress"]
    assert let_in["ports"] == [{"protocol": "TCP", "port": PORT}]


def test_a_probe_waits_longer_than_the_portal_takes_to_answer() -> None:
    """A readiness that asks a database that hangs answers after 5 s at most."""
    (web,) = PODS["Deployment gfo-web"]["containers"]
    assert {web[f"{name}Probe"]["timeoutSeconds"] for name in PROBES[1:]} == {5}
    serving = COMPOSE["services"]["web-a"]
    assert serving["healthcheck"]["timeout"] == "5s"
    # And a stop lasts no longer than it is waited for.
    assert int(serving["stop_grace_period"].rstrip("s")) > GRACEFUL_S
    pod = PODS["Deployment gfo-web"]
    slept_s = int(web["lifecycle"]["preStop"]["exec"]["command"][1])
    assert pod["terminationGracePeriodSeconds"] > slept_s + GRACEFUL_S


@pytest.mark.parametrize("name", sorted(set(PODS) - {"Job gfo-install"}))
def test_what_is_read_or_written_outside_the_database_is_mounted(name: str) -> None:
    """Anchors by all that judge the chain, and backups by all that say how old."""
    (settings,) = KUSTOMIZATION["configMapGenerator"]
    pairs = dict(item.split("=", 1) for item in settings["literals"])
    (container,) = PODS[name]["containers"]
    writable = {
        mount["mountPath"]: not mount.get("readOnly", False)
        for mount in container["volumeMounts"]
    }
    for variable in ("GFO_ANCHOR_DIR", "GFO_ANCHOR_KEY_FILE", "GFO_BACKUP_DIR"):
        (place,) = [
            path for path in writable if Path(pairs[variable]).is_relative_to(path)
        ]
        assert writable[place] is (name != "Deployment gfo-web"), variable
    assert writable["/tmp"]  # noqa: S108 -- exports and drills are made there


def test_the_portal_in_compose_keeps_its_state_on_a_volume() -> None:
    for name in PORTAL:
        service = COMPOSE["services"][name]
        kept = {volume.split(":")[1] for volume in service["volumes"]}
        given = service["environment"]
        assert given["GFO_DATA_DIR"] in kept
        assert Path(given["GFO_BACKUP_DIR"]).is_relative_to(given["GFO_DATA_DIR"])
        assert given["GFO_SECRETS_DIR"] == "/run/secrets"  # where compose puts them
        assert service["tmpfs"] == ["/tmp"]  # noqa: S108
    for name in ("proxy", "prometheus", "grafana"):
        service = COMPOSE["services"][name]
        assert service["read_only"] is True
        assert service["security_opt"] == ["no-new-privileges:true"]


def test_the_image_is_small_in_stages_and_runs_without_rights() -> None:
    assert re.findall(r"^FROM (.*)$", DOCKERFILE, re.MULTILINE) == [
        "${PYTHON_IMAGE} AS build",
        "${PYTHON_IMAGE}",
    ]
    assert "--require-hashes" in DOCKERFILE
    (user,) = re.findall(r"^USER (\d+)$", DOCKERFILE, re.MULTILINE)
    assert {pod["securityContext"]["runAsUser"] for pod in PODS.values()} == {int(user)}
    (command,) = re.findall(r"^CMD (\[.*\])$", DOCKERFILE, re.MULTILINE)
    _require_command(json.loads(command))


def test_the_rule_of_digests_prints_what_breaks_it() -> None:
    """The command of docs/operations.md on a file of images."""
    (command,) = re.findall(r"\n(grep --invert-match .*) images\.env\n", DOCUMENT)
    names = set(
        re.findall(r"\$\{([A-Z]+_IMAGE)", (DEPLOY / "compose.yaml").read_text())
    )
    assert names == set(re.findall(r"`([A-Z]+_IMAGE)`", DOCUMENT))
    sound = [f"{name}=place/image@sha256:{'0f' * 32}" for name in sorted(names)]
    broken = ["GFO_IMAGE=place/gfo:1.0", f"GFO_IMAGE=place/gfo:1@sha256:{'0f' * 31}"]
    for lines, printed in ((sound, []), (sound + broken, broken)):
        done = subprocess.run(
            shlex.split(command), input="\n".join(lines), text=True,
            capture_output=True, check=False,
        )  # fmt: skip
        assert done.stdout.splitlines() == printed
