"""`python -m ops.deploy STAGE OUT --bucket B --trust-root X`: what was packaged, as a stack.

- The bucket, in the stack's region, holds the zip and the template under the zip's digest; it is
  anybody's but the stack's.
- The stack makes everything but the producer's key, which CloudFormation cannot keep secret: put
  it as the SecureString that `PRODUCER_KEY` names, and `trust/1.json` into the archive bucket,
  before the first request. The root key stays where it was made; only its `x` comes here.
- Deploying what is deployed already changes nothing.

Raises ClientError and WaiterError as CloudFormation has them.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import ClientError

from ops.package import Package

WAIT = {"Delay": 2, "MaxAttempts": 300}
CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]


def deploy(stage: str, package: Package, bucket: str, **parameters: str) -> dict[str, str]:
    """The stack's outputs, once it is as the package has it."""
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


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m ops.deploy", description=__doc__)
    parser.add_argument("stage")
    parser.add_argument("out", type=Path, help="what ops.package made")
    parser.add_argument("--bucket", required=True, help="where the zip and the template go")
    parser.add_argument("--trust-root", required=True, help="the x of the root key's public JWK")
    given = parser.parse_args()
    said = deploy(given.stage, Package(given.out), given.bucket, TrustRoot=given.trust_root)
    for name, value in said.items():
        print(f"{name:16} {value}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
