"""What is packaged, cfn-lint and the SAM translator take; and it holds what we promise."""

import json
import re
import zipfile

import pytest
from commands import ROOT, chalice, lint
from samtranslator.translator.transform import transform

from chalicelib import work
from chalicelib.todos import lease
from local import answers, gateway, provision, wire
from ops import package as packaging
from ops.package import PackageError

KEPT = ("Log", "Archive", "Vault")
# By a name of the stage's, or as part of what the stack makes.
NAMED = (
    "WORK_QUEUE",
    "COURIER_QUEUE",
    "PRODUCER_KEY",
    "NOTARY_KEY",
    "STRIPE_KEY",
    "STRIPE_WEBHOOK",
)
FUNCTIONS = ("APIHandler", "Authorize", "Project", "Work", "Sweep")


def expanded(template):
    """What CloudFormation makes of the template."""

    class NoManagedPolicies:
        def load(self):
            return {}

    return transform(template, {}, NoManagedPolicies())


@pytest.fixture(scope="module")
def template(packaged):
    return packaged.template


@pytest.fixture(scope="module")
def stack(packaged):
    """The resources after the transform."""
    template = packaged.template
    for name in FUNCTIONS:
        template["Resources"][name]["Properties"]["CodeUri"] = "s3://bucket/code.zip"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
        return expanded(template)["Resources"]


def of(stack, kind):
    return {n: each["Properties"] for n, each in stack.items() if each["Type"] == kind}


def test_cfn_lint_finds_nothing(packaged):
    assert lint(packaged.folder / "sam.json") == (0, "")


def test_the_plain_command_gives_a_template_that_cfn_lint_accepts_too(project, tmp_path):
    merge = ("--merge-template", str(project / ".chalice" / "resources.json"))
    chalice(project, "package", *merge, str(tmp_path))
    assert lint(tmp_path / "sam.json") == (0, "")


def test_the_zip_is_under_30_mb_and_holds_what_ships_and_nothing_else(packaged):
    assert packaged.code.stat().st_size < 30_000_000
    with zipfile.ZipFile(packaged.code) as opened:
        names = set(opened.namelist())
    ours = {name for name in names if name.startswith("chalicelib/")}
    there = (ROOT / "chalicelib").rglob("*")
    assert ours == {
        str(path.relative_to(ROOT))
        for path in there
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert {"app.py", "chalice/app.py", "boto3/__init__.py", "pydantic/__init__.py"} <= names
    assert not [name for name in names if name.endswith(".pyc")]
    services = {name.split("/")[2] for name in names if name.startswith("botocore/data/")}
    assert {name for name in services if "." not in name} == set(packaging.SERVICES)


def test_every_service_that_is_asked_ships():
    asked = (path.read_text() for path in (ROOT / "chalicelib").rglob("*.py"))
    named = {name for text in asked for name in re.findall(r'client\("(\w+)"\)', text)}
    assert named == set(packaging.SERVICES)


def test_the_same_files_give_the_same_zip_whatever_their_order_and_age(tmp_path):
    made = []
    for turn, names in enumerate((["a.py", "b/c.py"], ["b/c.py", "a.py"])):
        path = tmp_path / f"{turn}.zip"
        with zipfile.ZipFile(path, "w") as opened:
            for name in names:
                opened.writestr(zipfile.ZipInfo(name, (2000 + turn, 1, 1, 0, 0, 0)), name)
        packaging.order(path)
        made.append(path.read_bytes())
    assert made[0] == made[1]


@pytest.mark.parametrize("stage", ["local", "nowhere"])
def test_a_stage_that_believes_everybody_or_is_none_is_not_packaged(stage, tmp_path):
    with pytest.raises(PackageError, match="dev, prod"):
        packaging.package(stage, tmp_path)


@pytest.fixture
def refused(tmp_path, monkeypatch):
    """Why `prod` is not packaged, once its settings are changed."""
    config = json.loads((ROOT / ".chalice" / "config.json").read_text())

    def package(change):
        change(config["stages"]["prod"])
        (tmp_path / ".chalice").mkdir()
        (tmp_path / ".chalice" / "config.json").write_text(json.dumps(config))
        monkeypatch.setattr(packaging, "ROOT", tmp_path)
        with pytest.raises(PackageError) as refusal:
            packaging.package("prod", tmp_path / "out")
        return str(refusal.value)

    return package


@pytest.mark.parametrize("missing", packaging.ISSUER)
def test_a_stage_that_names_no_issuer_or_audience_is_not_packaged(refused, missing):
    said = refused(lambda stage: stage["environment_variables"].pop(missing))
    assert said == f"the stage 'prod' has no {missing}: nobody could say who they are"


@pytest.mark.parametrize("function", [None, "api_handler", "authorize"])
def test_a_stage_or_function_with_identity_local_is_not_packaged(refused, function):
    def believe(stage):
        where = stage if function is None else stage["lambda_functions"][function]
        where.setdefault("environment_variables", {})["IDENTITY"] = "local"

    assert refused(believe) == "'prod' is no stage to package; there are dev"


def test_no_function_of_a_packaged_stage_believes_everybody(template):
    for name in FUNCTIONS:
        variables = template["Resources"][name]["Properties"]["Environment"]["Variables"]
        assert "IDENTITY" not in variables
    config = json.loads((ROOT / ".chalice" / "config.json").read_text())["stages"]
    who = [name for name, each in config.items() if packaging._believes_everybody(each)]
    assert who == ["local"]


def test_every_function_is_told_the_names_of_what_the_stack_makes(template):
    for name in FUNCTIONS:
        told = template["Resources"][name]["Properties"]["Environment"]["Variables"]
        refs = {variable: value.get("Ref") for variable, value in told.items()}
        assert refs == {
            "STAGE": "Stage",
            "STREAM": "Log",
            "TABLE": "Views",
            "ARCHIVE_BUCKET": "Archive",
            "VAULT_BUCKET": "Vault",
            "UPLOAD_BUCKET": "Uploads",
            "TRUST_ROOT": "TrustRoot",
            "OIDC_ISSUER": "OidcIssuer",
            "OIDC_AUDIENCE": "OidcAudience",
            "MAIL_FROM": "MailFrom",
            "MAKER_MAIL": "MakerMail",
            "PAYMENTS": "Payments",
            "CARD_WAIT_S": "CardWait",
            "PHOTO_WAIT_S": "PhotoWait",
            "PHOTO_STAY_S": "PhotoStay",
            "PHOTO_ASSIGNMENTS": "PhotoAssignments",
            "PUBLIC_URL": "PublicUrl",
            "TWILIO_TOKEN": "TwilioToken",
            "MEDIA_HOSTS": "MediaHosts",
            **dict.fromkeys(NAMED),
        }
    assert template["Parameters"]["Stage"]["AllowedValues"] == ["prod"]


def test_memory_and_time_and_runtime_are_enough(template):
    for name in FUNCTIONS:
        given = template["Resources"][name]["Properties"]
        assert given["MemorySize"] >= 512
        assert given["Runtime"] == "python3.11"
    timeouts = [template["Resources"][name]["Properties"]["Timeout"] for name in FUNCTIONS]
    assert timeouts == [29, 10, 60, 60, 90]


def mapping_of(stack, function):
    mappings = of(stack, "AWS::Lambda::EventSourceMapping").values()
    (found,) = [each for each in mappings if each["FunctionName"] == {"Ref": function}]
    return found


def test_the_worker_takes_one_poke_at_a_time_and_has_six_times_its_time_before_it_is_seen_again(
    stack,
):
    assert mapping_of(stack, "Work") == {
        "FunctionName": {"Ref": "Work"},
        "EventSourceArn": {"Fn::Sub": "${WorkQueue.Arn}"},
        "BatchSize": 1,
        "MaximumBatchingWindowInSeconds": 0,
    }
    queue, function = stack["WorkQueue"]["Properties"], stack["Work"]["Properties"]
    assert queue["VisibilityTimeout"] == 6 * function["Timeout"] == provision.WORK_VISIBILITY_S
    assert queue["VisibilityTimeout"] > lease.LASTS_S > function["Timeout"]
    assert "RedrivePolicy" not in queue


def test_a_poke_is_kept_for_longer_than_it_may_be_put_off_and_not_for_long(stack):
    """Each minute the sweep pokes again what nobody does: so an unread queue does not swell."""
    kept = stack["WorkQueue"]["Properties"]["MessageRetentionPeriod"]
    assert kept == provision.WORK_RETENTION_S
    assert work.MOST_DELAY_S + provision.WORK_VISIBILITY_S < kept <= 1800


def test_the_consumer_reads_from_the_oldest_record_in_order_and_for_ever(stack):
    mapping = mapping_of(stack, "Project")
    assert mapping == {
        "FunctionName": {"Ref": "Project"},
        "EventSourceArn": {"Fn::Sub": "${Log.Arn}"},
        "BatchSize": 1000,
        "StartingPosition": "TRIM_HORIZON",
        "MaximumBatchingWindowInSeconds": 0,
    }


def test_what_the_shop_is_made_of_outlives_its_stack_and_its_table_need_not(stack):
    for name in KEPT:
        assert stack[name]["DeletionPolicy"] == stack[name]["UpdateReplacePolicy"] == "Retain"
    assert stack["Views"]["DeletionPolicy"] == "Delete"
    assert stack["Log"]["Properties"]["RetentionPeriodHours"] == 168


def test_the_table_is_the_one_that_the_local_cloud_makes(stack):
    declared = dict(stack["Views"]["Properties"])
    assert declared.pop("TableName") == {"Fn::Sub": "tillstream-${Stage}-views"}
    assert declared == provision.TABLE


def test_both_buckets_are_closed_and_only_the_archive_has_versions(stack):
    for name in ("Archive", "Vault"):
        given = stack[name]["Properties"]
        assert all(given["PublicAccessBlockConfiguration"].values())
        assert len(given["PublicAccessBlockConfiguration"]) == 4
        (rule,) = given["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        assert rule["ServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
        assert given["BucketName"]["Fn::Sub"].endswith("-${AWS::AccountId}")
    assert stack["Archive"]["Properties"]["VersioningConfiguration"] == {"Status": "Enabled"}
    assert "VersioningConfiguration" not in stack["Vault"]["Properties"]
    assert "ObjectLockEnabled" not in stack["Vault"]["Properties"]


def test_uploads_lie_in_a_closed_bucket_and_are_gone_after_a_day(stack):
    """Of nothing else is a copy kept: no versions, no lock."""
    given, vault = dict(stack["Uploads"]["Properties"]), dict(stack["Vault"]["Properties"])
    (rule,) = given.pop("LifecycleConfiguration")["Rules"]
    assert (rule["Status"], rule["ExpirationInDays"]) == ("Enabled", 1)
    assert "Prefix" not in rule
    (cors,) = given.pop("CorsConfiguration")["CorsRules"]
    assert cors["AllowedMethods"] == ["POST"]
    assert given.pop("BucketName")["Fn::Sub"].endswith("-uploads-${AWS::AccountId}")
    del vault["BucketName"]
    assert given == vault


def test_a_picture_is_sent_as_bytes_whatever_a_browser_says_that_it_takes(stack):
    """API Gateway looks at the first type of Accept alone, and browsers begin with new ones."""
    (api,) = of(stack, "AWS::ApiGateway::RestApi").values()
    assert api["Body"]["x-amazon-apigateway-binary-media-types"] == ["*/*"]


def test_logs_are_kept_for_as_long_as_the_stage_says(stack):
    kept = of(stack, "AWS::Logs::LogGroup")
    assert {each["RetentionInDays"] for each in kept.values()} == {90}
    named = {each["LogGroupName"]["Fn::Sub"] for each in kept.values()}
    assert named == {f"/aws/lambda/${{{name}}}" for name in FUNCTIONS}


def test_the_api_is_regional_compressed_and_throttled(stack):
    (api,) = of(stack, "AWS::ApiGateway::RestApi").values()
    assert api["EndpointConfiguration"]["Types"] == ["REGIONAL"]
    assert api["MinimumCompressionSize"] == 1024
    (stage,) = of(stack, "AWS::ApiGateway::Stage").values()
    everywhere, tickets = stage["MethodSettings"]
    assert everywhere["ThrottlingRateLimit"] == 500
    assert (tickets["ResourcePath"], tickets["HttpMethod"]) == ("/~1tickets", "POST")


def test_the_authorizers_word_on_a_token_is_kept_for_a_minute(stack):
    (api,) = of(stack, "AWS::ApiGateway::RestApi").values()
    (known,) = api["Body"]["securityDefinitions"].values()
    assert known["x-amazon-apigateway-authorizer"]["authorizerResultTtlInSeconds"] == 60


def test_a_policy_names_this_stage_and_the_stacks_own_account(stack):
    roles = of(stack, "AWS::IAM::Role")
    assert set(roles) == {f"{n}Role" for n in ("ApiHandler", *FUNCTIONS[1:])}
    for role in roles.values():
        (policy,) = role["Policies"]
        for statement in policy["PolicyDocument"]["Statement"]:
            if not all(map(_is_narrow, statement["Resource"])):
                assert (statement["Action"], statement["Resource"]) in WIDE


# What no stage can name: streams when they are listed, telephones, and who a mail is from.
IDENTITIES = "arn:${AWS::Partition}:ses:${AWS::Region}:${AWS::AccountId}:identity/*"
WIDE = [
    (["kinesis:ListStreams"], ["*"]),
    (["sns:Publish"], ["*"]),
    (["ses:SendEmail"], [{"Fn::Sub": IDENTITIES}]),
]


def _is_narrow(resource):
    if resource == "*":
        return False
    (named,) = resource.values()
    return "*" not in named.partition("tillstream")[0] and "prod" in named and "AccountId" in named


LOCALLY = {
    "MISSING_AUTHENTICATION_TOKEN": answers.problem(404, "not-found", "there is no such route"),
    "UNAUTHORIZED": gateway._REFUSALS[gateway.local.NotAuthorizedError],
    "ACCESS_DENIED": gateway._REFUSALS[gateway.local.ForbiddenError],
    "AUTHORIZER_FAILURE": gateway._REFUSALS[gateway._AuthorizerFailedError],
    "REQUEST_TOO_LARGE": answers.problem(
        413, "too-large", f"a body has up to {wire.MOST_BODY} bytes"
    ),
    "UNSUPPORTED_MEDIA_TYPE": answers.problem(
        415, "unsupported-media-type", "send the body as application/json", field="Content-Type"
    ),
    "THROTTLED": gateway._THROTTLED,
    "DEFAULT_5XX": gateway._FAILED,
}


@pytest.mark.parametrize("kind", LOCALLY)
def test_api_gateway_says_what_the_local_one_says(stack, kind):
    (api,) = of(stack, "AWS::ApiGateway::RestApi").values()
    given = api["Body"]["x-amazon-apigateway-gateway-responses"][kind]
    local = LOCALLY[kind]
    assert int(given["statusCode"]) == local.status
    assert given["responseTemplates"]["application/json"].encode() == local.body
    headers = {
        name.removeprefix("gatewayresponse.header."): value.strip("'")
        for name, value in given["responseParameters"].items()
    }
    assert headers == dict(local.headers)


def test_whatever_else_api_gateway_refuses_is_a_problem_too(stack):
    (api,) = of(stack, "AWS::ApiGateway::RestApi").values()
    given = api["Body"]["x-amazon-apigateway-gateway-responses"]
    assert {"DEFAULT_4XX", "DEFAULT_5XX", "THROTTLED", "INTEGRATION_TIMEOUT"} <= set(given)
    for each in given.values():
        said = json.loads(each["responseTemplates"]["application/json"])
        assert set(said) - {"errors"} == {"type", "title", "status", "detail"}
        assert said["status"] == int(each["statusCode"])
