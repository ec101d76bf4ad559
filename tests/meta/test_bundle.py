"""The bundle says what the pipeline says, checked without a workspace."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from databricks.bundles.jobs import Job as BundleJob

from clarion.cli.main import cli
from clarion.jobs.registry import JOBS
from clarion.runtime import pipeline

ROOT = Path(__file__).resolve().parents[2]
BUNDLE = yaml.safe_load((ROOT / "databricks.yml").read_text(encoding="utf-8"))
WRITTEN: dict[str, dict[str, Any]] = {
    name: job
    for file in sorted((ROOT / "conf" / "bundle").glob("*.job.yml"))
    for name, job in yaml.safe_load(file.read_text(encoding="utf-8"))["resources"]["jobs"].items()
}


def test_tasks_and_dependencies_equal_the_pipeline() -> None:
    found = {
        task["task_key"]: tuple(sorted(item["task_key"] for item in task.get("depends_on", [])))
        for task in WRITTEN["clarion"]["tasks"]
    }
    assert found == pipeline.dependencies(JOBS.values())


def test_upkeep_runs_what_is_no_part_of_the_loop_and_needs_no_hand() -> None:
    found = {task["task_key"] for task in WRITTEN["clarion_upkeep"]["tasks"]}
    assert found == {job.name for job in JOBS.values() if job.part == "upkeep"} - {"rotate"}


@pytest.mark.parametrize("name", WRITTEN)
def test_the_platforms_own_model_accepts_every_field(name: str) -> None:
    written: Any = WRITTEN[name]
    tasks: Any = BundleJob.from_dict(written).tasks
    assert len(tasks) == len(written["tasks"]) > 0


@pytest.mark.parametrize("name", WRITTEN)
def test_every_entry_point_command_parameter_variable_and_environment_exists(name: str) -> None:
    job = WRITTEN[name]
    keys = {item["environment_key"] for item in job["environments"]}
    options = {option for parameter in cli.commands["run"].params for option in parameter.opts}
    parameters = {item["name"] for item in job.get("parameters", [])}
    setup = (ROOT / "setup.py").read_text(encoding="utf-8")
    for task in job["tasks"]:
        wheel = task["python_wheel_task"]
        assert task["environment_key"] in keys
        assert f'"{wheel["entry_point"]} = clarion.jobs.__main__:entry_point"' in setup
        assert wheel["parameters"][:2] == ["run", task["task_key"]]
        assert {
            item.split("=")[0] for item in wheel["parameters"] if item.startswith("--")
        } <= options
        text = " ".join(wheel["parameters"])
        assert set(re.findall(r"\$\{var\.(\w+)\}", text)) <= set(BUNDLE["variables"])
        assert set(re.findall(r"\{\{job\.parameters\.(\w+)\}\}", text)) <= parameters


def test_no_variable_carries_a_personal_default_and_both_targets_have_a_mode() -> None:
    assert all("default" not in variable for variable in BUNDLE["variables"].values())
    assert {target["mode"] for target in BUNDLE["targets"].values()} == {
        "development",
        "production",
    }
