"""Names and tags: what a thing is for, whose it is, in which environment."""

from __future__ import annotations

import re
from collections.abc import Iterator

from meshtest.check.controls import Seen, control
from meshtest.check.plan import Plan, Resource

TAGS = ["Domain", "Environment", "ManagedBy", "Owner", "Project"]
_BUCKET = re.compile(r"(?P<domain>[a-z0-9]{2,8})-(?P<purpose>[a-z0-9-]+)-\d{12}-(?P<env>[a-z]+)")


def _tagged(plan: Plan) -> list[Resource]:
    """What takes tags."""
    return [each for each in plan.resources() if {"tags_all"} & {*each.values, *each.unknown}]


def _tag(resource: Resource, name: str) -> str:
    """The value of a tag, "" if there is none.

    All tags together are known only after the apply where the provider adds none to the resource's own.
    """
    owner = "tags" if resource.unknown.get("tags_all") is True else "tags_all"
    return str(resource.get(f"{owner}.{name}") or "")


@control(
    "tags",
    "Everything that takes tags says domain, environment, owner, project and what manages it",
    "low",
    of=_tagged,
)
def tags(resource: Resource) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/whitepapers/latest/tagging-best-practices/tagging-best-practices.html."""
    missing = [tag for tag in TAGS if not _tag(resource, tag)]
    yield Seen(resource, missing, [], f"add the tags {', '.join(missing)}")


@control(
    "bucket-names",
    "A bucket is named {domain_abbr}-{purpose}-{account_id}-{env}",
    "low",
    of=("aws_s3_bucket",),
)
def bucket_names(bucket: Resource) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html."""
    name = str(bucket.get("bucket") or "")
    parts = _BUCKET.fullmatch(name)
    env = _tag(bucket, "Environment") or None
    advice = (
        f"name it {{domain_abbr}}-{{purpose}}-{{account_id}}-{env or 'its environment'} instead of {name}"
    )
    yield Seen(bucket, (bool(parts), parts and parts["env"]), (True, env), advice)


@control(
    "names-of-the-environment",
    "Every name ends with its environment",
    "low",
    of=(
        "aws_cloudwatch_event_rule",
        "aws_glue_job",
        "aws_iam_policy",
        "aws_iam_role",
        "aws_sfn_state_machine",
        "aws_sns_topic",
    ),
)
def environment_names(resource: Resource) -> Iterator[Seen]:
    """Environments may share an account: without it two of them would fight over a name."""
    env, name = _tag(resource, "Environment"), str(resource.get("name"))
    advice = (
        f"end the name {name} with -{env}" if env else "add the tag Environment, and end the name with it"
    )
    yield Seen(resource, name.rpartition("-")[2], env, advice)
