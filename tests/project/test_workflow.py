"""The CI script, the workflow, the hooks of pre-commit and the templates are well formed and agree."""

import os
import re
import subprocess
import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
WORKFLOW = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8"))


def test_the_script_runs_the_test_command_of_the_readme():
    text = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
    subprocess.run(["bash", "-n", ".ci/run"], cwd=ROOT, check=True)
    extract = re.search(r"command=\$\((.*)\)\n", text)[1]
    command = subprocess.run(["bash", "-c", extract], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert command.startswith("python3 -m venv .venv && ")
    assert "-m pytest" in command


def test_every_job_has_its_machine_and_its_steps():
    for job in WORKFLOW["jobs"].values():
        assert job["runs-on"]
        assert job["timeout-minutes"] <= 60
        assert all(set(step) & {"run", "uses"} for step in job["steps"])
    commands = [step.get("run", "") for job in WORKFLOW["jobs"].values() for step in job["steps"]]
    assert ".ci/run" in commands


def test_the_workflow_tests_what_the_classifiers_promise():
    matrix = WORKFLOW["jobs"]["tests"]["strategy"]["matrix"]
    promised = re.findall(r"Python :: (3\.\d+)", "\n".join(PROJECT["classifiers"]))
    assert matrix["python"] == promised
    assert PROJECT["requires-python"] == f">={promised[0]}"
    assert {"python": promised[0], "dependencies": "lowest-direct"} in matrix["include"]


def test_every_dependency_has_a_lower_bound():
    extras = [line for name in ("dev", "docs", "notebooks") for line in PROJECT["optional-dependencies"][name]]
    for requirement in [*PROJECT["dependencies"], *extras]:
        assert ">=" in requirement or requirement.startswith("ogcm["), requirement


def test_the_hooks_of_pre_commit_have_commands():
    (local,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"]
    assert [hook["entry"].split()[0] for hook in local["hooks"]] == ["ruff", "ruff", "nbstripout"]


def test_the_templates_of_issues_are_named():
    for path in (ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.md"):
        _, head, _ = path.read_text(encoding="utf-8").split("---\n", 2)
        assert yaml.safe_load(head).keys() == {"name", "about"}
