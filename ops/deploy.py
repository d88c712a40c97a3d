"""`python -m ops.deploy STAGE OUT --bucket B …`: what was packaged, as a stack.

- The bucket, in the stack's region, holds the zip and the template under the zip's digest; it is
  anybody's but the stack's.
- The stack makes everything but the producer's key and the notary's, which CloudFormation cannot
  keep secret: put them as the SecureStrings that `PRODUCER_KEY` and `NOTARY_KEY` name, and
  `trust/1.json`, which names both, into the archive bucket, before the first request. The root key
  stays where it was made; only its `x` comes here.
- Code whose `signing.trust.SYSTEM_GRANTS` are more than the newest trust document grants follows
  the document's next version, `trust/<n>.json`, by five minutes: so long a function holds the last.
- People's tokens come from `--oidc-issuer` for `--oidc-audience`: with Cognito the pool's address
  and the client's id. A stack without them, or without a root of trust, is not begun.
- `--with NAME=VALUE` tells the template another of its parameters: `Payments=stripe`.
- Deploying what is deployed already changes nothing.

Raises DeployError, and ClientError and WaiterError as CloudFormation has them.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import ClientError

from ops.package import Package

WAIT = {"Delay": 2, "MaxAttempts": 300}
CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]


class DeployError(Exception):
    """What the stack was to be told, it cannot be told."""


def deploy(stage: str, package: Package, bucket: str, **parameters: str) -> dict[str, str]:
    """The stack's outputs, once it is as the package has it."""
    check(package.template["Parameters"], parameters)
    stack = f"tillstream-{stage}"
    change = {
        "StackName": stack,
        "TemplateURL": _upload(package, bucket),
        "Capabilities": CAPABILITIES,
        "Parameters": [
            {"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()
        ],
    }
    cloud = boto3.client("cloudformation")
    if _is_there(cloud, stack):
        _update(cloud, change)
    else:
        cloud.create_stack(**change, OnFailure="DELETE", EnableTerminationProtection=True)
        cloud.get_waiter("stack_create_complete").wait(StackName=stack, WaiterConfig=WAIT)
    return outputs(stack)


def check(asked: dict[str, Any], parameters: dict[str, str]) -> None:
    """Raises DeployError for what the template asks for and is not given, or not given well."""
    if unknown := parameters.keys() - asked.keys():
        raise DeployError(f"{min(unknown)} is none of the template's: {', '.join(asked)}")
    for name, each in asked.items():
        given = parameters.get(name, str(each.get("Default", "")))
        is_one = given in each.get("AllowedValues", [given])
        if not (is_one and re.fullmatch(each.get("AllowedPattern", ".*"), given)):
            raise DeployError(f"{name} is {given!r}. It is to be: {each['Description']}")


def outputs(stack: str) -> dict[str, str]:
    """What the stack says of itself."""
    (found,) = boto3.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    return {each["OutputKey"]: each["OutputValue"] for each in found["Outputs"]}


def _upload(package: Package, bucket: str) -> str:
    """Where CloudFormation finds the template, in which the functions name the uploaded zip."""
    s3, digest = boto3.client("s3"), package.digest
    s3.upload_file(str(package.code), bucket, f"{digest}/deployment.zip")
    template = uploaded(package.template, f"s3://{bucket}/{digest}/deployment.zip")
    body = json.dumps(template).encode()
    s3.put_object(Bucket=bucket, Key=f"{digest}/template.json", Body=body)
    return f"{s3.meta.endpoint_url}/{bucket}/{digest}/template.json"


def uploaded(template: dict[str, Any], code: str) -> dict[str, Any]:
    """The template with the code's address in place of the file's name."""
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = code
    return template


def _is_there(cloud: Any, stack: str) -> bool:
    try:
        cloud.describe_stacks(StackName=stack)
    except ClientError as refusal:
        if "does not exist" in str(refusal):
            return False
        raise
    return True


def _update(cloud: Any, change: dict[str, Any]) -> None:
    try:
        cloud.update_stack(**change)
    except ClientError as refusal:
        if "No updates" in str(refusal):
            return
        raise
    waiter = cloud.get_waiter("stack_update_complete")
    waiter.wait(StackName=change["StackName"], WaiterConfig=WAIT)


def parameters(given: argparse.Namespace) -> dict[str, str]:
    """What the template is told. Raises DeployError."""
    for other in given.others:
        if "=" not in other:
            raise DeployError(f"--with takes NAME=VALUE, not {other!r}")
    return {
        "TrustRoot": given.trust_root,
        "OidcIssuer": given.oidc_issuer,
        "OidcAudience": given.oidc_audience,
    } | dict(other.split("=", 1) for other in given.others)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m ops.deploy", description=__doc__)
    parser.add_argument("stage")
    parser.add_argument("out", type=Path, help="what ops.package made")
    parser.add_argument("--bucket", required=True, help="where the zip and the template go")
    parser.add_argument("--trust-root", required=True, help="the x of the root key's public JWK")
    parser.add_argument(
        "--oidc-issuer", required=True, help="who issues people's tokens: https://…"
    )
    parser.add_argument("--oidc-audience", required=True, help="whom those tokens are for")
    parser.add_argument(
        "--with",
        dest="others",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="another parameter of the template: Payments=stripe",
    )
    given = parser.parse_args()
    try:
        said = deploy(given.stage, Package(given.out), given.bucket, **parameters(given))
    except DeployError as reason:
        print(f"tillstream: {reason}", file=sys.stderr)
        return 1
    for name, value in said.items():
        print(f"{name:16} {value}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
