"""Names and tags: what a thing is for, whose it is, in which environment."""

from __future__ import annotations

import re
from collections.abc import Iterator

from meshtest.controls import Seen, control
from meshtest.plan import Plan

TAGS = ["Domain", "Environment", "ManagedBy", "Owner", "Project"]
_BUCKET = re.compile(r"(?P<domain>[a-z0-9]{2,8})-(?P<purpose>[a-z0-9-]+)-\d{12}-(?P<env>[a-z]+)")


@control(
    "tags", "Everything that takes tags says domain, environment, owner, project and what manages it", "low"
)
def tags(plan: Plan) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/whitepapers/latest/tagging-best-practices/tagging-best-practices.html."""
    for resource in plan.resources():
        if "tags_all" in resource.values:
            given = resource.get("tags_all") or {}
            yield Seen(resource, [tag for tag in TAGS if not given.get(tag)], [])


@control("bucket-names", "A bucket is named {domain_abbr}-{purpose}-{account_id}-{env}", "low")
def bucket_names(plan: Plan) -> Iterator[Seen]:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html."""
    for bucket in plan.resources("aws_s3_bucket"):
        name = bucket.get("bucket") or ""
        parts = _BUCKET.fullmatch(name)
        env = (bucket.get("tags_all") or {}).get("Environment")
        yield Seen(bucket, (bool(parts), parts and parts["env"]), (True, env))


@control("names-of-the-environment", "Every name ends with its environment", "low")
def environment_names(plan: Plan) -> Iterator[Seen]:
    """Environments may share an account: without it two of them would fight over a name."""
    for resource in plan.resources("aws_glue_job", "aws_iam_policy", "aws_iam_role", "aws_sfn_state_machine"):
        env = (resource.get("tags_all") or {}).get("Environment", "")
        yield Seen(resource, str(resource.get("name")).rpartition("-")[2], env)
