"""What ``docker/`` promises, read from its files: no container engine is needed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from fnmatch import fnmatch
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from flows.cli import cli

ROOT = Path(__file__).parents[1]
DOCKER = ROOT / "docker"
COMPOSE_FILES = ("compose.yaml", "compose.s3.yaml")
OURS = ("mlflow", "prefect", "worker")
TRIAD_COMMAND = re.compile(r"(?:^|[\s`])triad ([a-z]+)", re.MULTILINE)


def read(name: str) -> dict[str, Any]:
    found = yaml.safe_load((DOCKER / name).read_text(encoding="utf-8"))
    assert isinstance(found, dict)
    return found


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return read("compose.yaml")


@pytest.fixture(scope="module")
def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's instructions in order, each with its arguments on one line."""
    text = (DOCKER / "Dockerfile").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [(word.upper(), rest.strip()) for word, _, rest in (line.partition(" ") for line in joined.splitlines())]


def strings(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for value in node.values():
            yield from strings(value)
    elif isinstance(node, list):
        for value in node:
            yield from strings(value)
    elif isinstance(node, str):
        yield node


# The compose files


def test_the_services_are_one_database_server_two_servers_and_a_worker(compose: dict[str, Any]) -> None:
    assert set(compose["services"]) == {"postgres", *OURS}
    assert {compose["services"][name]["image"] for name in OURS} == {"triad:${TRIAD_TAG:-latest}"}


@pytest.mark.parametrize("name", COMPOSE_FILES)
def test_every_published_port_is_bound_to_the_loopback_address(name: str) -> None:
    ports = [port for service in read(name)["services"].values() for port in service.get("ports", [])]
    assert all(port.startswith("127.0.0.1:") for port in ports)
    assert len(ports) == (2 if name == "compose.yaml" else 0)


@pytest.mark.parametrize("name", COMPOSE_FILES)
def test_no_password_stands_in_a_compose_file(name: str) -> None:
    whole = read(name)
    for text in strings(whole):
        assert not re.search(r"://[^/@\s]*:[^/@\s]+@", text), f"a password in an address: {text}"
    for service in whole["services"].values():
        for key, value in service.get("environment", {}).items():
            if re.search("PASSWORD|SECRET|CREDENTIAL|TOKEN|KEY", key):
                assert key.endswith("_FILE"), key
                assert value.removeprefix("/run/secrets/") in service["secrets"]


@pytest.mark.parametrize("name", COMPOSE_FILES)
def test_secrets_are_files_that_neither_git_nor_the_image_gets(name: str) -> None:
    declared = read(name)["secrets"]
    for secret, source in declared.items():
        assert source == {"file": f"./secrets/{secret}"}
    assert "/secrets/" in (DOCKER / ".gitignore").read_text(encoding="utf-8").splitlines()
    named = {secret for service in read(name)["services"].values() for secret in service.get("secrets", [])}
    assert named <= set(declared) | set(read("compose.yaml")["secrets"])


def test_every_service_has_a_health_check_and_waits_for_what_it_needs(compose: dict[str, Any]) -> None:
    services = compose["services"]
    for name, service in services.items():
        assert service["healthcheck"]["test"][0] == "CMD", name
        assert service["healthcheck"]["retries"] >= 3
        assert {need["condition"] for need in service.get("depends_on", {}).values()} <= {"service_healthy"}
    assert {name: set(service.get("depends_on", {})) for name, service in services.items()} == {
        "postgres": set(),
        "mlflow": {"postgres"},
        "prefect": {"postgres"},
        "worker": {"mlflow", "prefect"},
    }


def test_health_checks_ask_the_port_that_the_service_listens_on(compose: dict[str, Any]) -> None:
    for name in ("mlflow", "prefect"):
        service = compose["services"][name]
        port = next(word.removeprefix("--port=") for word in service["command"] if word.startswith("--port="))
        assert f"127.0.0.1:{port}/" in service["healthcheck"]["test"][-1]
        assert service["ports"][0].endswith(f":{port}")


def test_our_services_have_no_capabilities_and_the_worker_no_way_to_the_database(compose: dict[str, Any]) -> None:
    services = compose["services"]
    for name in OURS:
        assert services[name]["cap_drop"] == ["ALL"]
        assert "no-new-privileges:true" in services[name]["security_opt"]
    assert compose["networks"]["database"]["internal"] is True
    assert services["postgres"]["networks"] == ["database"]
    assert "networks" not in services["worker"]
    assert "secrets" not in services["worker"]


def test_all_state_is_on_named_volumes(compose: dict[str, Any]) -> None:
    services = compose["services"]
    kept = {
        volume.split(":")[0]: volume.split(":")[1]
        for service in services.values()
        for volume in service.get("volumes", [])
        if volume.split(":")[0] in compose["volumes"]
    }
    assert set(kept) == set(compose["volumes"])
    assert services["worker"]["environment"]["TRIAD_HOME"] == kept["triad"]
    destination = next(word for word in services["mlflow"]["command"] if word.startswith("--artifacts-destination="))
    assert destination.startswith(f"--artifacts-destination={kept['mlflow']}/")


def test_mlflow_lets_in_the_names_it_is_called_by(compose: dict[str, Any]) -> None:
    mlflow, worker = compose["services"]["mlflow"], compose["services"]["worker"]
    allowed = next(word for word in mlflow["command"] if word.startswith("--allowed-hosts="))
    patterns = allowed.removeprefix("--allowed-hosts=").split(",")
    called = worker["environment"]["MLFLOW_TRACKING_URI"].removeprefix("http://")
    for host in (called, "127.0.0.1:5000", "localhost:5000"):
        assert any(fnmatch(host, pattern) for pattern in patterns), host
    assert not any(fnmatch("example.org:5000", pattern) for pattern in patterns)


def test_with_s3_only_the_place_of_the_artifacts_differs(compose: dict[str, Any]) -> None:
    def rest(command: list[str]) -> list[str]:
        return [word for word in command if not word.startswith("--artifacts-destination=")]

    ours, theirs = compose["services"]["mlflow"]["command"], read("compose.s3.yaml")["services"]["mlflow"]["command"]
    assert rest(ours) == rest(theirs)
    assert ours != theirs


def test_each_database_has_an_owner_whose_password_is_a_secret(compose: dict[str, Any]) -> None:
    text = (DOCKER / "postgres" / "10-databases.sql").read_text(encoding="utf-8")
    for name in ("mlflow", "prefect"):
        assert f"CREATE DATABASE {name} OWNER {name};" in text
        assert f"PASSWORD :'{name}_password'" in text
        assert f"/run/secrets/{name}_password" in text
        assert f"{name}_password" in compose["services"]["postgres"]["secrets"]
        assert compose["services"][name]["secrets"] == [f"{name}_password"]
        environment = " ".join(compose["services"][name]["environment"].values())
        assert f"://{name}@postgres:5432/{name}" in environment


# The image


def test_the_image_runs_as_a_user_who_is_not_root(instructions: list[tuple[str, str]]) -> None:
    words = [word for word, _ in instructions]
    last_stage = len(words) - 1 - words[::-1].index("FROM")
    users = [rest for word, rest in instructions[last_stage:] if word == "USER"]
    assert users
    assert all(re.fullmatch(r"[1-9]\d*:[1-9]\d*", user) for user in users)
    assert f"--uid {users[-1].split(':')[0]} " in " ".join(rest for word, rest in instructions if word == "RUN")


def test_whatever_pip_fetches_is_held_to_a_version(instructions: list[tuple[str, str]]) -> None:
    arguments = dict(rest.split("=", 1) for word, rest in instructions if word == "ARG")
    installs = [
        part for word, rest in instructions if word == "RUN" for part in rest.split("&&") if "pip install" in part
    ]
    assert len(installs) == 2
    for install in installs:
        assert "--constraint constraints.txt" in install or "--no-deps ." in install
    for name, variable in re.findall(r'"([\w-]+)==\$\{(\w+)\}"', " ".join(installs)):
        assert re.fullmatch(r"\d+(\.\d+)+", arguments[variable]), name
    assert re.search(r"^torch==", (ROOT / "constraints.txt").read_text(encoding="utf-8"), re.MULTILINE)


def test_the_image_names_no_index_and_its_base_is_a_pinned_argument(instructions: list[tuple[str, str]]) -> None:
    arguments = dict(rest.split("=", 1) for word, rest in instructions if word == "ARG")
    assert arguments["PIP_EXTRA_INDEX_URL"] == '""'
    assert re.fullmatch(r"python:3\.11\.\d+-slim-\w+", arguments["BASE"])
    assert {rest.split()[0] for word, rest in instructions if word == "FROM"} == {"${BASE}"}
    assert read("compose.yaml")["x-triad"]["build"]["args"]["BASE"] == f"${{TRIAD_BASE:-{arguments['BASE']}}}"
    assert not any("://" in rest for word, rest in instructions if word in {"RUN", "ARG", "ENV"})


def test_any_builder_can_read_the_dockerfile(instructions: list[tuple[str, str]]) -> None:
    known = {
        "ARG",
        "FROM",
        "SHELL",
        "ENV",
        "WORKDIR",
        "RUN",
        "COPY",
        "LABEL",
        "USER",
        "HEALTHCHECK",
        "ENTRYPOINT",
        "CMD",
    }
    assert {word for word, _ in instructions} <= known
    assert not any("<<" in rest or "--link" in rest or "--mount" in rest for _, rest in instructions)


def test_the_image_has_a_health_check_and_fails_to_build_without_sound(instructions: list[tuple[str, str]]) -> None:
    assert ("RUN", "triad doctor") in instructions
    assert [word for word, _ in instructions].count("HEALTHCHECK") == 1
    assert any("libfluidsynth3 ${SOUNDFONT}" in rest for word, rest in instructions if word == "RUN")


def test_everything_the_image_copies_is_there_and_let_through(instructions: list[tuple[str, str]]) -> None:
    let_through = {
        line.removeprefix("!")
        for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
        if line.startswith("!")
    }
    copied = {
        source.rstrip("/")
        for word, rest in instructions
        if word == "COPY" and "--from=" not in rest
        for source in rest.split()[:-1]
        if not source.startswith("--")
    }
    assert copied == let_through
    assert all((ROOT / source).exists() for source in copied)


@pytest.mark.parametrize("name", ["Dockerfile", "README.md", *COMPOSE_FILES])
def test_only_commands_that_exist_are_named(name: str) -> None:
    text = (DOCKER / name).read_text(encoding="utf-8")
    code = (
        "\n".join(re.findall(r"^```sh$(.*?)^```$", text, re.MULTILINE | re.DOTALL)) if name.endswith(".md") else text
    )
    code = "\n".join(line for line in code.splitlines() if not line.lstrip().startswith("#"))
    named = set(TRIAD_COMMAND.findall(code))
    assert named <= set(cli.commands)
    assert named or name.startswith("compose")


# The two scripts


def enter(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    program = "import os; print(os.environ.get('PGPASSWORD'), 'PGPASSWORD_FILE' in os.environ)"
    return subprocess.run(
        [DOCKER / "entrypoint.sh", sys.executable, "-c", program],
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_entry_point_hands_the_password_on(tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("p'w@:/%\"$HOME\n", encoding="utf-8")
    assert enter({"PGPASSWORD_FILE": str(secret)}).stdout == "p'w@:/%\"$HOME False\n"
    assert enter({}).stdout == "None False\n"


def test_the_entry_point_says_which_secret_is_missing(tmp_path: Path) -> None:
    missing, empty = tmp_path / "missing", tmp_path / "empty"
    empty.touch()
    for path in (missing, empty):
        done = enter({"PGPASSWORD_FILE": str(path)})
        assert done.returncode == 2
        assert str(path) in done.stderr
        assert done.stdout == ""


class Answer(BaseHTTPRequestHandler):
    """200 on /health, 503 elsewhere, and no line on stderr."""

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/health" else 503)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def test_the_health_check_tells_well_from_unwell_from_absent() -> None:
    server = HTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    address = f"http://127.0.0.1:{server.server_port}"
    environment = {"PATH": os.environ["PATH"], "http_proxy": "http://127.0.0.1:9"}

    def check(url: str) -> int:
        return subprocess.run(
            [sys.executable, DOCKER / "healthy.py", url],
            env=environment,
            stderr=subprocess.DEVNULL,
            timeout=60,
            check=False,
        ).returncode

    try:
        assert check(f"{address}/health") == 0
        assert check(f"{address}/other") == 1
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert check(f"{address}/health") == 1
