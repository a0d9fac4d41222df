"""What can be checked of the images without a container engine."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
DOCKER = ROOT / "docker"
DOCKERFILES = sorted(DOCKER.glob("*.Dockerfile"))
INSTRUCTIONS = {
    "ARG", "CMD", "COPY", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "RUN", "USER", "WORKDIR",
}  # fmt: skip


def instructions(path: Path) -> list[tuple[str, str]]:
    lines = [line for line in path.read_text().splitlines() if not line.startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    return [
        (line.split(None, 1)[0], line.split(None, 1)[1]) for line in joined.splitlines() if line
    ]


@pytest.fixture(scope="module")
def compose() -> dict:
    return yaml.safe_load((DOCKER / "compose.yaml").read_text())


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.name)
def test_only_known_instructions(path: Path) -> None:
    assert {name for name, _ in instructions(path)} <= INSTRUCTIONS


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.name)
def test_everything_copied_exists(path: Path) -> None:
    for name, rest in instructions(path):
        if name == "COPY" and "--from=" not in rest:
            *sources, _ = rest.split()
            for source in sources:
                assert (ROOT / source).exists(), f"{path.name} copies {source}"


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.name)
def test_shell_commands_parse(path: Path) -> None:
    for name, rest in instructions(path):
        if name == "RUN":
            subprocess.run(["bash", "-n", "-c", rest], check=True)


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.name)
def test_does_not_run_as_root(path: Path) -> None:
    assert [rest for name, rest in instructions(path) if name == "USER"][-1] == "nitamono"


def test_the_serving_image_installs_the_serving_lock_alone() -> None:
    text = (DOCKER / "serving.Dockerfile").read_text()
    assert "serving.lock" in text
    assert "pipeline.lock" not in text


def test_compose_builds_files_that_exist(compose: dict) -> None:
    built = [service["build"] for service in compose["services"].values() if "build" in service]
    assert built
    for build in built:
        assert (DOCKER / build["context"]).resolve() == ROOT
        assert (ROOT / build["dockerfile"]).exists()


def test_compose_mounts_files_that_exist(compose: dict) -> None:
    mounts = [m for service in compose["services"].values() for m in service.get("volumes", [])]
    files = [mount.split(":")[0] for mount in mounts if mount.startswith("./")]
    assert files
    for file in files:
        assert (DOCKER / file).exists(), file


def test_the_service_writes_events_where_the_pipeline_reads_them(compose: dict) -> None:
    uids = set()
    for name, file in (("service", "serving"), ("airflow-worker", "pipeline")):
        part = compose["services"][name]
        folder = part["environment"]["NITAMONO_EVENTS_FOLDER"]
        assert f"events:{folder}" in part["volumes"]
        text = (DOCKER / f"{file}.Dockerfile").read_text()
        assert re.search(rf"install -d -o nitamono .*{folder}", text), file
        uids |= set(re.findall(r"--uid (\d+)", text))
    assert len(uids) == 1


def test_compose_names_the_parts_of_the_stack(compose: dict) -> None:
    wanted = {"postgres", "redis", "airflow-worker", "service", "prometheus", "grafana"}
    assert wanted <= set(compose["services"])
    for name, service in compose["services"].items():
        for other in service.get("depends_on", []):
            assert other in compose["services"], f"{name} depends on {other}"


def test_commands_are_ones_the_project_has(compose: dict) -> None:
    known = subprocess.run(
        [sys.executable, "-m", "airflow", "--help"], capture_output=True, text=True, check=True
    ).stdout
    for name, service in compose["services"].items():
        words = shlex.split(service.get("command", ""))
        if words[:1] == ["airflow"] and words[1] != "celery":
            assert re.search(rf"\b{words[1]}\b", known), f"{name} runs airflow {words[1]}"


def test_prometheus_scrapes_the_service(compose: dict) -> None:
    config = yaml.safe_load((DOCKER / "prometheus.yml").read_text())
    target = config["scrape_configs"][0]["static_configs"][0]["targets"][0]
    host, port = target.split(":")
    assert host in compose["services"]
    assert any(mapping.endswith(f":{port}") for mapping in compose["services"][host]["ports"])


def test_no_secret_has_a_default() -> None:
    text = (DOCKER / "compose.yaml").read_text()
    for name in re.findall(r"\$\{(\w*(?:PASSWORD|SECRET)\w*)(:\?|:-|\})", text):
        assert name[1] == ":?", name
