"""Each operator: HCL in, the changed lines out; the list as a whole is the same from run to run."""

from __future__ import annotations

import pytest

from meshtest.reports.mutation.mutants import all_mutants
from meshtest.reports.mutation.operators import all_operators
from meshtest.terraform import syntax
from meshtest.tools import folders, toolchain

BUCKET = """\
resource "aws_s3_bucket" "this" {
  force_destroy = false
}
"""
RULE = """\
resource "aws_vpc_security_group_egress_rule" "out" {
  cidr_ipv4   = var.vpc_cidr
  from_port   = 443
  ip_protocol = "tcp"
}
"""
STATEMENT = """\
data "aws_iam_policy_document" "this" {
  statement {
    sid       = "Deny"
    effect    = "Deny"
    actions   = ["s3:GetObject", "s3:PutObject"]
    resources = ["${local.bucket_arn}/*"]

    principals {
      type        = "Service"
      identifiers = ["glue.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account_id]
    }
  }
}
"""
VARIABLE = """\
variable "days" {
  type = number

  validation {
    condition     = var.days >= 3
    error_message = "No."
  }
}
"""
OUTPUTS = """\
output "a" {
  value = var.a
}

output "b" {
  value = var.b
}
"""
LOCALS = """\
locals {
  layer_bucket = [local.buckets.raw]
  name         = "${var.domain}-logs-${var.env}"
  key          = var.on ? var.key : null

  common_tags = {
    Domain = var.domain
    Owner  = var.domain
  }

  pipeline_jobs = {
    daily = ["ingest", "refine"]
  }

  state = {
    Type     = "Fail"
    Resource = "arn:aws:states:::glue:startJobRun.sync"
  }
}
"""
MODULE = """\
module "raw" {
  source      = "../s3_bucket"
  kms_key_arn = aws_kms_key.a.arn
}

resource "aws_kms_key" "a" {}

resource "aws_kms_key" "b" {}
"""
TERRAFORM = """\
terraform {
  required_version = ">= 1.14"
}
"""
# Of each operator the HCL, and the lines of its first mutant that came (+) and went (-).
CASES = {
    "break-name": (
        LOCALS,
        ['-  name         = "${var.domain}-logs-${var.env}"', '+  name         = "${var.domain}-logs"'],
    ),
    "break-state": (LOCALS, ['-    Type     = "Fail"', '+    Type     = "Succeed"']),
    "drop-action": (
        STATEMENT,
        ['-    actions   = ["s3:GetObject", "s3:PutObject"]', '+    actions   = ["s3:GetObject"]'],
    ),
    "drop-argument": (BUCKET, ["-  force_destroy = false"]),
    "drop-block": (
        'resource "aws_flow_log" "a" {\n  logging {\n    on = 1\n  }\n}\n',
        ["-  logging {", "-    on = 1", "-  }"],
    ),
    "drop-condition": (
        STATEMENT,
        [
            "-    condition {",
            '-      test     = "StringEquals"',
            '-      variable = "aws:SourceAccount"',
            "-      values   = [local.account_id]",
            "-    }",
        ],
    ),
    "drop-element": (LOCALS, ['-    daily = ["ingest", "refine"]', '+    daily = ["refine"]']),
    "drop-field": (LOCALS, ['-    daily = ["ingest", "refine"]']),
    "drop-output": (OUTPUTS, ['-output "a" {', "-  value = var.a", "-}", "-"]),
    "drop-resource": (BUCKET, ["-" + line for line in BUCKET.splitlines()]),
    "drop-star": (
        STATEMENT,
        ['-    resources = ["${local.bucket_arn}/*"]', '+    resources = ["${local.bucket_arn}"]'],
    ),
    "drop-statement": (STATEMENT, ["-" + line for line in STATEMENT.splitlines()[1:-1]]),
    "drop-tag": (LOCALS, ["-    Domain = var.domain"]),
    "drop-validation": (VARIABLE, ["-" + line for line in VARIABLE.splitlines()[3:-1]]),
    "flip-boolean": (BUCKET, ["-  force_destroy = false", "+  force_destroy = true"]),
    "flip-effect": (STATEMENT, ['-    effect    = "Deny"', '+    effect    = "Allow"']),
    "invert-condition": (
        STATEMENT,
        ['-      test     = "StringEquals"', '+      test     = "StringNotEquals"'],
    ),
    "loosen-version": (TERRAFORM, ['-  required_version = ">= 1.14"', '+  required_version = ">= 0.12"']),
    "null-key": (MODULE, ["-  kms_key_arn = aws_kms_key.a.arn", "+  kms_key_arn = null"]),
    "shift-number": (VARIABLE, ["-    condition     = var.days >= 3", "+    condition     = var.days >= 4"]),
    "swap-branches": (
        LOCALS,
        ["-  key          = var.on ? var.key : null", "+  key          = var.on ? null : var.key"],
    ),
    "swap-elements": (LOCALS, ['-    daily = ["ingest", "refine"]', '+    daily = ["refine", "ingest"]']),
    "swap-layer": (
        LOCALS,
        ["-  layer_bucket = [local.buckets.raw]", "+  layer_bucket = [local.buckets.refined]"],
    ),
    "swap-outputs": (
        OUTPUTS,
        ["-  value = var.a", "+  value = var.b", "-  value = var.b", "+  value = var.a"],
    ),
    "swap-reference": (MODULE, ["-  kms_key_arn = aws_kms_key.a.arn", "+  kms_key_arn = aws_kms_key.b.arn"]),
    "weaken-comparison": (
        VARIABLE,
        ["-    condition     = var.days >= 3", "+    condition     = var.days > 3"],
    ),
    "weaken-condition": (
        STATEMENT,
        ['-      test     = "StringEquals"', '+      test     = "StringEqualsIfExists"'],
    ),
    "weaken-setting": (
        'resource "a" "b" {\n  traffic_type = "ALL"\n}\n',
        ['-  traffic_type = "ALL"', '+  traffic_type = "ACCEPT"'],
    ),
    "widen-action": (
        STATEMENT,
        ['-    actions   = ["s3:GetObject", "s3:PutObject"]', '+    actions   = ["s3:*", "s3:PutObject"]'],
    ),
    "widen-cidr": (RULE, ["-  cidr_ipv4   = var.vpc_cidr", '+  cidr_ipv4 = "0.0.0.0/0"']),
    "widen-ports": (RULE, ["-  from_port   = 443", "+  from_port   = 0"]),
    "widen-principal": (
        STATEMENT,
        [
            '-      type        = "Service"',
            '-      identifiers = ["glue.amazonaws.com"]',
            '+      type        = "AWS"',
            '+      identifiers = ["*"]',
        ],
    ),
    "widen-protocol": (RULE, ["-  from_port   = 443", '-  ip_protocol = "tcp"', '+  ip_protocol = "-1"']),
    "widen-resource": (
        STATEMENT,
        ['-    resources = ["${local.bucket_arn}/*"]', '+    resources = ["*"]'],
    ),
}


@pytest.fixture
def mutants(tmp_path):
    """mutants(text) → those of modules/a/main.tf with this text."""

    def mutants(text: str):
        file = tmp_path / "modules" / "a" / "main.tf"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return all_mutants(tmp_path)

    return mutants


def changed(diff: str) -> list[str]:
    return [line for line in diff.splitlines()[2:] if line[:1] in "+-"]


def test_every_operator_has_a_case():
    assert set(CASES) == {operator.id for operator in all_operators()}


@pytest.mark.parametrize("operator", CASES)
def test_an_operator_makes_its_fault_and_nothing_else(mutants, operator):
    text, lines = CASES[operator]
    first = next(mutant for mutant in mutants(text) if mutant.operator == operator)
    assert changed(first.diff) == lines


def test_the_mutants_of_a_policy(mutants):
    """No operator makes a fault twice, and none leaves what is no HCL."""
    found = mutants(STATEMENT)
    assert len({mutant.texts["modules/a/main.tf"] for mutant in found}) == len(found)
    for mutant in found:
        syntax.parse(mutant.texts["modules/a/main.tf"].encode())


def test_an_id_says_where_and_what_and_outlives_changes_around_it(mutants):
    ids = {mutant.id for mutant in mutants(STATEMENT)}
    place = "modules/a/main.tf::data.aws_iam_policy_document.this/statement.Deny"
    assert f"{place}/effect::flip-effect::1" not in ids
    assert {f"{place}::drop-statement::1", f"{place}::flip-effect::1"} <= ids
    assert ids < {mutant.id for mutant in mutants(BUCKET + STATEMENT)}


def test_what_is_no_hcl_is_named_with_its_line(mutants):
    with pytest.raises(syntax.SyntaxProblem, match=r"^infrastructure/modules/a/main.tf: line 2 is no HCL$"):
        mutants('resource "a" "b" {\n  c = = 1\n}\n')


# ─── The repository's own ───


@pytest.fixture(scope="module")
def everything():
    return all_mutants(toolchain.ROOT / "infrastructure")


def test_the_list_is_the_same_twice_and_long_enough(everything):
    assert everything == all_mutants(toolchain.ROOT / "infrastructure")
    assert len(everything) == len({mutant.id for mutant in everything}) >= 400


def test_every_operator_finds_something(everything):
    assert {mutant.operator for mutant in everything} == {operator.id for operator in all_operators()}


def test_every_mutant_is_still_hcl(everything):
    for mutant in everything:
        for text in mutant.texts.values():
            syntax.parse(text.encode())


def test_what_the_projects_share_is_changed_in_all_of_them(everything):
    (mutant,) = (
        each
        for each in everything
        if each.id.endswith("/outputs.tf::output.tables::drop-output::1")
        and each.file.startswith("projects/")
    )
    places = folders.project_folders(toolchain.ROOT)
    assert set(mutant.texts) == {f"projects/{name}/outputs.tf" for name in places}
