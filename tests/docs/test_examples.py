"""Examples that are not executed have the form that their programs expect, and agree with the pages."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from tests.helpers.commands import commands
from tests.helpers.paths import ROOT

EXAMPLES = ROOT / "examples"
INSTRUCTIONS = {"FROM", "COPY", "RUN", "USER", "ENV", "WORKDIR", "VOLUME", "ENTRYPOINT", "CMD"}


@pytest.fixture
def services() -> dict[str, dict[str, Any]]:
    services: dict[str, dict[str, Any]] = yaml.safe_load((EXAMPLES / "compose.yaml").read_text("utf-8"))["services"]
    return services


@pytest.fixture
def instructions() -> list[tuple[str, str]]:
    """Name and arguments of each instruction of the Containerfile."""
    text = re.sub(r"^#.*\n|\\\n", "", (EXAMPLES / "Containerfile").read_text("utf-8"), flags=re.M)
    return [(line.partition(" ")[0], line.partition(" ")[2]) for line in text.splitlines() if line]


def test_the_services_migrate_before_they_import(services: dict[str, dict[str, Any]]) -> None:
    assert list(services) == ["postgres", "migrate", "import"]
    assert services["migrate"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}
    assert services["import"]["depends_on"] == {"migrate": {"condition": "service_completed_successfully"}}
    assert services["postgres"]["healthcheck"]["test"][:2] == ["CMD", "pg_isready"]


def test_the_services_of_runstore_have_no_right_too_many(services: dict[str, dict[str, Any]]) -> None:
    for name in ("migrate", "import"):
        service = services[name]
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service["build"] == {"context": "..", "dockerfile": "examples/Containerfile"}
        assert (EXAMPLES / service["build"]["context"] / service["build"]["dockerfile"]).exists()


def test_the_services_run_commands_that_there_are(services: dict[str, dict[str, Any]]) -> None:
    for name in ("migrate", "import"):
        words = services[name]["command"]
        (command,) = (command for path, command in commands() if words[: len(path)] == path)
        assert {word for word in words if word.startswith("-")} <= {
            option for parameter in command.params for option in parameter.opts
        }


def test_the_image_is_built_in_two_stages_and_runs_as_a_user(instructions: list[tuple[str, str]]) -> None:
    names = [name for name, _ in instructions]
    assert set(names) == INSTRUCTIONS
    assert names.count("FROM") == 2
    last = dict(instructions)
    assert last["USER"].isdecimal()
    assert f"useradd --uid {last['USER']} " in next(text for name, text in instructions if "useradd" in text)
    assert last["ENTRYPOINT"] == '["runstore"]'
    assert names.index("USER") < names.index("ENTRYPOINT")
