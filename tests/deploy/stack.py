"""The packaged stage `prod` as a stack in MiniStack: its keys in place, its issuer ours.

MiniStack passes over the gateway responses that stand in an API's document, so they are put into
the deployed API as they stand in the packaged template.
"""

import json

import boto3
from oidc import AUDIENCE

from chalicelib.signing import keys
from chalicelib.signing.jws import SigningKey
from chalicelib.signing.trust import Trust, system_trust
from ops.deploy import deploy

ROOT_KEY, SYSTEM_KEY, NOTARY_KEY = keys.new_key(), keys.new_key(), keys.new_key()
STREAM, TABLE = "tillstream-prod-1", "tillstream-prod-views"
ARCHIVE = "tillstream-prod-archive-000000000000"


def deployed(packaged, issuer):
    """The stack's outputs; deploying again changes nothing."""
    parameters = {"OidcIssuer": issuer.url, "OidcAudience": AUDIENCE}
    return deploy("prod", packaged, "deployments", TrustRoot=ROOT_KEY["x"], **parameters)


def begun(ministack, packaged, issuer):
    """The address of the API of a stack that has all it needs."""
    api = deployed(packaged, issuer)["RestAPIId"]
    for name, key in (("producer-key", SYSTEM_KEY), ("notary-key", NOTARY_KEY)):
        boto3.client("ssm").put_parameter(
            Name=f"/tillstream/prod/{name}", Value=json.dumps(key), Type="SecureString"
        )
    notary = SigningKey(NOTARY_KEY).public.jwk
    believed = system_trust(SigningKey(SYSTEM_KEY).public.jwk, notary=notary)
    document = Trust.sign(believed, SigningKey(ROOT_KEY))
    boto3.client("s3").put_object(Bucket=ARCHIVE, Key="trust/1.json", Body=document)
    _put_gateway_responses(api, packaged.template)
    return f"{ministack}/restapis/{api}/api/_user_request_"


def _put_gateway_responses(api, template):
    gateway = boto3.client("apigateway")
    for kind, given in template["Resources"]["RestAPI"]["Properties"]["GatewayResponses"].items():
        headers = given["ResponseParameters"]["Headers"]
        gateway.put_gateway_response(
            restApiId=api,
            responseType=kind,
            statusCode=given["StatusCode"],
            responseParameters={f"gatewayresponse.header.{k}": v for k, v in headers.items()},
            responseTemplates=given["ResponseTemplates"],
        )
    gateway.create_deployment(restApiId=api, stageName="api")


def mapping(function):
    """What brings this function its events."""
    mappings = boto3.client("lambda").list_event_source_mappings()["EventSourceMappings"]
    name = f":function:tillstream-prod-{function}"
    (found,) = [each for each in mappings if each["FunctionArn"].endswith(name)]
    return found
