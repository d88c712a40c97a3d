"""`python -m ops.package STAGE OUT`: the template and the zip that CloudFormation is given.

- Made from a clean copy of what ships, so nothing that lies about in the tree gets in, and the
  same sources give the same zip, byte for byte.
- Every dependency is the wheel for Lambda whose hash stands in requirements.txt, on any host.
- The policies, which name stage, region and account by pattern, are narrowed to this stage and to
  the account of the stack.
- botocore comes with every service of AWS, which is half of the zip: those that are never asked
  stay behind.
- What a stack would only find out in AWS is refused here: a dependency left out, too large a zip,
  a stage that believes everybody (`IDENTITY=local`) or nobody (no issuer of people's tokens), a
  reference to nothing.

Raises PackageError with a sentence for whoever typed the command.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
MOST_BYTES = 30 * 1024 * 1024
SHIPPED_KINDS = {".py", ".html", ".css", ".js", ".svg", ".json"}
ISSUER = ("OIDC_ISSUER", "OIDC_AUDIENCE")
SERVICES = ("dynamodb", "kinesis", "s3", "ses", "sns", "sqs", "ssm")
IDLE = re.compile(rf"botocore/data/(?!({'|'.join(SERVICES)})/)[^/]+/.*")
CHALICE = "from chalice.cli import main; main()"
SETTINGS = {
    "PYTHONDONTWRITEBYTECODE": "1",
    "PIP_REQUIRE_HASHES": "1",
    "PIP_ONLY_BINARY": ":all:",
    "PIP_IMPLEMENTATION": "cp",
    "PIP_PLATFORM": "manylinux_2_24_x86_64 manylinux_2_17_x86_64 manylinux2014_x86_64",
    "PIP_PYTHON_VERSION": "3.11",
}


class PackageError(Exception):
    """What was packaged, or asked for, must not be deployed."""


@dataclass(frozen=True, slots=True)
class Package:
    """What lies in a folder: a template and the zip of all functions."""

    folder: Path

    @property
    def code(self) -> Path:
        return self.folder / "deployment.zip"

    @property
    def template(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / "sam.json").read_text())
        return found

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.code.read_bytes()).hexdigest()

    def figures(self) -> dict[str, Any]:
        with zipfile.ZipFile(self.code) as opened:
            sizes = [entry.file_size for entry in opened.infolist()]
        return {
            "zipped_mb": round(self.code.stat().st_size / 1e6, 1),
            "unzipped_mb": round(sum(sizes) / 1e6, 1),
            "files": len(sizes),
            "template_kb": round((self.folder / "sam.json").stat().st_size / 1e3, 1),
            "resources": len(self.template["Resources"]),
            "sha256": self.digest,
        }


def package(stage: str, out: Path) -> Package:
    """The stage, packaged into the folder."""
    settings = _settings(stage)
    with tempfile.TemporaryDirectory(prefix="tillstream-") as made:
        copy = Path(made)
        _copy_what_ships(copy)
        (copy / "merge.json").write_text(json.dumps(fitted(stage, settings)))
        out.mkdir(parents=True, exist_ok=True)
        _chalice(copy, stage, out.absolute())
    found = Package(out)
    order(found.code)
    check(found)
    return found


def _settings(stage: str) -> dict[str, Any]:
    stages = json.loads((ROOT / ".chalice" / "config.json").read_text())["stages"]
    known = [name for name, each in stages.items() if not _believes_everybody(each)]
    if stage not in known:
        raise PackageError(f"{stage!r} is no stage to package; there are {', '.join(known)}")
    found: dict[str, Any] = stages[stage]
    missing = [name for name in ISSUER if not found["environment_variables"].get(name)]
    if missing:
        named = " and ".join(missing)
        raise PackageError(f"the stage {stage!r} has no {named}: nobody could say who they are")
    return found


def _believes_everybody(settings: dict[str, Any]) -> bool:
    named = [settings, *settings.get("lambda_functions", {}).values()]
    return any(each.get("environment_variables", {}).get("IDENTITY") == "local" for each in named)


def _copy_what_ships(copy: Path) -> None:
    for name in ("app.py", "requirements.txt"):
        shutil.copy(ROOT / name, copy / name)
    leave = shutil.ignore_patterns("__pycache__", "*.pyc")
    shutil.copytree(ROOT / "chalicelib", copy / "chalicelib", ignore=leave)
    (copy / ".chalice").mkdir()
    for path in (ROOT / ".chalice").glob("*.json"):
        shutil.copy(path, copy / ".chalice")


def fitted(stage: str, settings: dict[str, Any]) -> dict[str, Any]:
    """The resources around the functions, and the functions' policies, for this stage alone."""
    merge: dict[str, Any] = json.loads((ROOT / ".chalice" / "resources.json").read_text())
    merge["Parameters"]["Stage"] |= {"Default": stage, "AllowedValues": [stage]}
    for function, each in settings["lambda_functions"].items():
        document = json.loads((ROOT / ".chalice" / each["iam_policy_file"]).read_text())
        for statement in document["Statement"]:
            statement["Resource"] = [narrowed(arn, stage) for arn in statement["Resource"]]
        role = "".join(word.title() for word in function.split("_")) + "Role"
        policy = {"PolicyName": f"{function}-may", "PolicyDocument": document}
        merge["Resources"][role] = {"Properties": {"Policies": [policy]}}
    return merge


def narrowed(arn: str, stage: str) -> Any:
    """The pattern with this stage, and the stack's own partition, region and account, in it."""
    if arn == "*":
        return arn
    named = arn.replace("tillstream-*", f"tillstream-{stage}").replace("/*/", f"/{stage}/", 1)
    named = re.sub(r"-(archive|vault|uploads)\*", r"-\1-${AWS::AccountId}", named)
    _, _, service, region, account, rest = named.split(":", 5)
    region = region and "${AWS::Region}"
    account = account and "${AWS::AccountId}"
    return {"Fn::Sub": f"arn:${{AWS::Partition}}:{service}:{region}:{account}:{rest}"}


def _chalice(copy: Path, stage: str, out: Path) -> None:
    options = ("--stage", stage, "--merge-template", str(copy / "merge.json"))
    region = os.environ.get("AWS_DEFAULT_REGION", "eu-central-1")
    done = subprocess.run(  # noqa: S603  (our own interpreter)
        [sys.executable, "-c", CHALICE, "--project-dir", str(copy), "package", *options, str(out)],
        env=os.environ | SETTINGS | {"AWS_DEFAULT_REGION": region},
        cwd=copy,
        capture_output=True,
        text=True,
        check=False,
    )
    said = done.stdout + done.stderr
    if done.returncode or "Could not install dependencies" in said:
        raise PackageError(f"chalice package says: {said.strip()[-2000:]}")


def order(code: Path) -> None:
    """The entries that are needed in the order of their names, without times and owners."""
    ordered = code.with_suffix(".ordered")
    with zipfile.ZipFile(code) as given, zipfile.ZipFile(ordered, "w") as made:
        for name in sorted(filter(_is_needed, given.namelist())):
            entry = zipfile.ZipInfo(name)
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            made.writestr(entry, given.read(name), compresslevel=6)
    ordered.rename(code)


def _is_needed(name: str) -> bool:
    return not name.endswith("/") and not IDLE.fullmatch(name)


def check(found: Package) -> None:
    """Raises PackageError for the first thing that must not be deployed."""
    size = found.code.stat().st_size
    if size > MOST_BYTES:
        raise PackageError(f"the zip has {size} bytes; {MOST_BYTES} are allowed")
    with zipfile.ZipFile(found.code) as opened:
        stray = [name for name in opened.namelist() if _is_stray(name)]
    if stray:
        raise PackageError(f"these files do not belong into the zip: {', '.join(stray[:5])}")
    text = json.dumps(found.template)
    if "${ApiHandler}" in text:
        raise PackageError("the template names ApiHandler; the function is called APIHandler")
    if '"IDENTITY": "local"' in text:
        raise PackageError("IDENTITY=local lets everybody be anybody; it is for one machine")


def _is_stray(name: str) -> bool:
    room = name.partition("/")[0]
    ours = room == "chalicelib" and Path(name).suffix not in SHIPPED_KINDS
    return ours or name.endswith(".pyc") or room in ("tests", "local", "ops", "drills", "bench")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m ops.package", description=__doc__)
    parser.add_argument("stage")
    parser.add_argument("out", type=Path, help="a folder, made if it is missing")
    given = parser.parse_args()
    try:
        found = package(given.stage, given.out)
    except PackageError as reason:
        print(f"tillstream: {reason}", file=sys.stderr)
        return 1
    for name, figure in found.figures().items():
        print(f"{name:12} {figure}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
