"""The role of the pipelines: assumed by one environment of one repository, and no wider than its commands."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cfnlint.decode.cfn_yaml import load

from cdk.constructs.encryption import uses_of
from operations.repository import REPOSITORY
from tests.infrastructure.templates import Assembly, listed, texts

FILE = REPOSITORY / "cdk" / "pipeline_role.yaml"
TEMPLATE: dict[str, Any] = load(str(FILE))
ROLE = TEMPLATE["Resources"]["Role"]["Properties"]


def statements() -> Iterator[dict[str, Any]]:
    for policy in ROLE["Policies"]:
        yield from policy["PolicyDocument"]["Statement"]
    for name, resource in TEMPLATE["Resources"].items():
        if name != "Role":
            yield from resource["Properties"]["PolicyDocument"]["Statement"]


def test_cfn_lint_finds_nothing() -> None:
    command = [str(Path(sys.executable).parent / "cfn-lint"), str(FILE)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_only_one_environment_of_the_repository_assumes_the_role() -> None:
    (statement,) = ROLE["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Condition"] == {
        "StringEquals": {
            "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
            "token.actions.githubusercontent.com:sub": {"Fn::Sub": "repo:${Repository}:environment:${Environment}"},
        }
    }
    for name in ("Repository", "Environment"):
        assert "*" not in TEMPLATE["Parameters"][name]["AllowedPattern"]


def test_role_is_about_one_stage_and_the_roles_of_the_cdk() -> None:
    unbound = {"ListTheTables", "ReadTheAlarms", "PlaceAndCancel", "EmptyTheJournal", "ReadTheTablesByTheKeyOfTheStage"}
    for statement in statements():
        assert all(not action.startswith("*") and not action.endswith("*") for action in listed(statement["Action"]))
        bound = [
            any(part in resource for part in ("${Stacks}-", "/orderflow/${Stage}", "cdk-hnb659fds", "/cdk-bootstrap/"))
            for resource in texts(statement["Resource"])
            if resource != "Fn::Sub"
        ]
        assert all(bound) or statement["Sid"] in unbound, statement["Sid"]


def test_role_that_compares_changes_nothing() -> None:
    (policy,) = ROLE["Policies"]
    actions = {action for statement in policy["PolicyDocument"]["Statement"] for action in listed(statement["Action"])}
    assert actions == {
        *("ssm:GetParameter", "ssm:GetParametersByPath", "sts:AssumeRole"),
        *("cloudformation:DescribeStacks", "cloudformation:ListStackResources"),
    }
    assumed = [text for text in texts(policy) if ":role/" in text]
    assert len(assumed) == 1
    assert "cdk-hnb659fds-lookup-role" in assumed[0]


def test_role_reads_data_that_a_key_of_the_stage_encrypts(shifting: Assembly) -> None:
    """By the key with the tag of the stage, and only through the services of its other permissions."""
    needed, given = set(), set()
    for policy in (resource["Properties"] for name, resource in TEMPLATE["Resources"].items() if name != "Role"):
        of_policy = policy["PolicyDocument"]["Statement"]
        actions = [action for statement in of_policy for action in listed(statement["Action"])]
        reads = [action for action in actions if action not in ("dynamodb:ListTables", "dynamodb:DescribeTable")]
        name = policy["PolicyName"]
        needed |= {(name, action.split(":")[0], use) for action in reads for use in uses_of(action)}
        for statement in of_policy:
            if "kms:ViaService" in statement.get("Condition", {}).get("StringEquals", {}):
                service = statement["Condition"]["StringEquals"]["kms:ViaService"]["Fn::Sub"].split(".")[0]
                given |= {(name, service, use) for use in listed(statement["Action"])}
                assert statement["Condition"]["StringLike"] == {"aws:ResourceTag/orderflow:stage": {"Ref": "Stage"}}
    assert given == needed == {("Audit", "dynamodb", "kms:Decrypt")}
    (key,) = shifting.resources("KMS::Key")
    assert {"Key": "orderflow:stage", "Value": "prod"} in key.properties["Tags"]
