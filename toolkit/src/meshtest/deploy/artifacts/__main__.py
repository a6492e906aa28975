"""The command line of `meshtest.deploy.artifacts`."""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from meshtest.deploy.artifacts import ArtifactsError, building, deployment, record
from meshtest.deploy.artifacts.deployment import Deployed
from meshtest.deploy.github import outputs
from meshtest.tools import environment as surroundings
from meshtest.tools import folders, toolchain, version
from meshtest.tools.version import VersionError

BUILT = toolchain.BUILD / "artifacts"
_NO_BUCKET = ("404", "NoSuchBucket")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status, errors are one line on standard error."""
    options = _parser().parse_args(arguments)
    errors: tuple[type[Exception], ...] = (ArtifactsError, VersionError)
    try:
        if options.needs_aws:
            from boto3.exceptions import Boto3Error
            from botocore.exceptions import BotoCoreError, ClientError

            errors = (*errors, Boto3Error, BotoCoreError, ClientError)
        status: int = options.command(options)
    except errors as error:
        print(f"artifacts: {error}", file=sys.stderr)
        return 1
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m meshtest.deploy.artifacts",
        description="Build, upload, tell and roll back what the Glue jobs run.",
        epilog="Exit status: 0 done; 1 it could not be done, or `deployed` found a problem; 2 bad arguments.",
    )
    place = argparse.ArgumentParser(add_help=False)
    which = place.add_mutually_exclusive_group()
    which.add_argument(
        "--env",
        choices=folders.environments(toolchain.ROOT),
        help="the environment whose artifacts bucket it is",
    )
    which.add_argument("--bucket", help="the bucket (default: {domain_abbr}-artifacts-{account}-{env})")
    made = argparse.ArgumentParser(add_help=False)
    made.add_argument(
        "--built",
        type=Path,
        default=BUILT,
        metavar="DIR",
        help=f"where the build is (default {_short(BUILT)})",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(
        name: str,
        command: Callable[[argparse.Namespace], int],
        *parents: argparse.ArgumentParser,
        **texts: str,
    ) -> Any:
        each = commands.add_parser(name, parents=parents, description=f"{texts['help']}.", **texts)  # type: ignore[arg-type]
        each.set_defaults(command=command, needs_aws=name not in ("build", "sbom"))
        return each

    builder = add("build", _build, made, help="Build the wheel and the job files of every project")
    builder.add_argument(
        "--project", action="append", metavar="NAME", help="only this project's jobs; may be given again"
    )
    uploader = add("upload", _upload, made, place, help="Put a build into the bucket, `latest` last")
    uploader.add_argument(
        "--allow-dirty", action="store_true", help="also a build that is not exactly a commit (dev alone)"
    )
    teller = add(
        "deployed", _deployed, place, help="Tell which version is deployed, in one environment or in all"
    )
    teller.add_argument("--json", action="store_true", help="as JSON")
    billed = add("sbom", _sbom, made, help="Write the bills of materials of wheel and container (CycloneDX)")
    billed.add_argument(
        "--output", type=Path, default=toolchain.BUILD / "sbom", metavar="FOLDER", help="default build/sbom"
    )
    returner = add("rollback", _rollback, place, help="Make an older version the deployed one")
    returner.add_argument("--version", required=True, help="such as 1.0.0+g1a2b3c4d; `deployed` lists them")
    recorder = add("record", _record, place, help="Record that all of a commit is deployed")
    recorder.add_argument("--commit", required=True, help="its 40 digits")
    laster = add(
        "last-commit",
        _last_commit,
        place,
        help="Tell the commit of the last whole deployment, if this clone has it",
    )
    laster.add_argument("--output", metavar="NAME", help="append NAME=COMMIT to the file $GITHUB_OUTPUT, too")
    return parser


def _build(options: argparse.Namespace) -> int:
    release = building.build(options.built, options.project or building.projects())
    described = version.describe(toolchain.ROOT)
    print(f"version   {release.version}")
    print(f"commit    {release.commit or described.why}")
    for key, digest in sorted(release.digests.items()):
        print(f"{digest}  {_short(options.built / key)}")
    if not described.is_commit:
        print("This is not exactly a commit: it can go to dev alone, with --allow-dirty.", file=sys.stderr)
    return 0


def _sbom(options: argparse.Namespace) -> int:
    from meshtest.deploy.artifacts import materials

    release = building.built_release(options.built)
    for name, write in {
        "core": partial(materials.write, options.built / release.wheel),
        "container": partial(materials.write_container, release.version),
    }.items():
        file = options.output / f"{name}-{release.version}.cdx.json"
        write(file)
        print(_short(file))
    return 0


def _upload(options: argparse.Namespace) -> int:
    release = building.built_release(options.built)
    is_dev = options.env == "dev" or str(options.bucket).endswith("-dev")
    if not release.is_commit and not (options.allow_dirty and is_dev):
        remedy = ", or add --allow-dirty" if is_dev else ""
        raise ArtifactsError(
            f"version {release.version} is not exactly a commit: commit and build again{remedy}"
        )
    bucket = _bucket(options)
    deployment.upload(options.built, _client("s3"), bucket, print)
    print(f"{release.version} is deployed in s3://{bucket}")
    return 0


def _deployed(options: argparse.Namespace) -> int:
    named = options.env or options.bucket
    buckets = (
        [_bucket(options)]
        if named
        else [_bucket(options, env) for env in folders.environments(toolchain.ROOT)]
    )
    found = [_look(bucket, is_optional=not named) for bucket in buckets]
    there = [each for each in found if each]
    if options.json:
        print(json.dumps([vars(each) | {"version": each.version} for each in there], indent=2, default=list))
    else:
        for each in there:
            _print(each)
    if not there:
        raise ArtifactsError(f"none of {', '.join(buckets)} exists in this account")
    return 1 if any(each.problems for each in there) else 0


def _look(bucket: str, *, is_optional: bool) -> Deployed | None:
    from botocore.exceptions import ClientError

    try:
        return deployment.deployed(_client("s3"), bucket)
    except ClientError as error:
        # Environments may have accounts of their own: what is in another one is no concern of this one.
        if is_optional and error.response["Error"]["Code"] in _NO_BUCKET:
            return None
        raise


def _print(found: Deployed) -> None:
    print(f"s3://{found.bucket}")
    print(
        f"  deployed   {found.version or 'nothing'}" + (f" (commit {found.commit})" if found.commit else "")
    )
    for name in reversed(found.releases):
        print(f"  {'  now ' if name == found.version else '      '}     {name}")
    for key, each in found.versions.items():
        print(f"  {each:<24} {key}")
    for problem in found.problems:
        print(f"  PROBLEM {problem}")


def _rollback(options: argparse.Namespace) -> int:
    bucket = _bucket(options)
    release = deployment.rollback(options.version, _client("s3"), bucket, print)
    print(f"{release.version} is deployed in s3://{bucket}; jobs run it from their next start on")
    return 0


def _record(options: argparse.Namespace) -> int:
    if not re.fullmatch(r"[0-9a-f]{40}", options.commit):
        raise ArtifactsError(f"--commit is '{options.commit}'; expected 40 hexadecimal digits")
    bucket = _bucket(options)
    record.write(_client("s3"), bucket, options.commit)
    print(f"{options.commit} is deployed whole, says s3://{bucket}/{record.KEY}")
    return 0


def _last_commit(options: argparse.Namespace) -> int:
    bucket = _bucket(options)
    commit = record.read(_client("s3"), bucket)
    if not commit:
        print(f"s3://{bucket} records no deployment", file=sys.stderr)
    elif not version.knows(toolchain.ROOT, commit):
        print(f"s3://{bucket} records {commit}, which this clone does not have", file=sys.stderr)
        commit = ""
    print(commit)
    if options.output:
        outputs.write(options.output, commit)
    return 0


def _bucket(options: argparse.Namespace, env: str | None = None) -> str:
    """The bucket that was named, or that of an environment of this account."""
    if options.bucket:
        return str(options.bucket)
    env = env or options.env
    if not env:
        raise ArtifactsError("which environment? name it: --env dev (ENV=dev with make)")
    account = _client("sts").get_caller_identity()["Account"]
    return f"{_domain('domain_abbr')}-artifacts-{account}-{env}"


def _domain(field: str) -> str:
    """A field of setup/domain.json."""
    file = toolchain.ROOT / "setup" / "domain.json"
    try:
        return str(json.loads(file.read_text())[field])
    except (OSError, ValueError, KeyError, TypeError):
        raise ArtifactsError(
            f"{_short(file)}: {field} cannot be read; expected a JSON object with it"
        ) from None


def _client(service: str) -> Any:
    import boto3

    region = (
        os.environ.get("AWS_REGION")
        or json.loads((toolchain.ROOT / "setup" / "domain.json").read_text())["aws_region"]
    )
    return boto3.client(service, region_name=region)  # type: ignore[call-overload]


def _short(path: Path) -> str:
    return os.path.relpath(path) if path.is_relative_to(toolchain.ROOT) else str(path)


if __name__ == "__main__":
    surroundings.clean(with_aws=True)
    sys.exit(main())
