"""What each module hands on: all of it, and all of it known in a plan."""

from __future__ import annotations

import pytest
from inputs import ACCOUNT, INPUTS

from meshtest.testing.plans import REGION

NAMES = {module: given.get("name") for module, given in INPUTS.items()}
PIPELINE = INPUTS["stepfunction_pipeline"]["pipeline_name"]
BUCKET = INPUTS["s3_bucket"]["bucket_name"]


def role(module: str) -> dict[str, str]:
    name = NAMES[module]
    return {"role_arn": f"arn:aws:iam::{ACCOUNT}:role/{name}", "role_name": name}


def table(module: str) -> dict[str, str]:
    return {"location": INPUTS[module]["location"], "name": NAMES[module]}


OUTPUTS = {
    "external": {"buckets": {}, "databases": {}},
    "glue_catalog_database": {"name": NAMES["glue_catalog_database"]},
    "glue_catalog_table": table("glue_catalog_table"),
    "glue_iceberg_table": table("glue_iceberg_table"),
    "glue_job": {"name": NAMES["glue_job"]},
    "iam_glue_job": role("iam_glue_job"),
    "iam_role": role("iam_role"),
    "iam_table_optimizer": role("iam_table_optimizer"),
    "own_tags": {"tags": {}},
    "project": {
        "foundation_state": {
            "bucket": f"exa-tfstate-{ACCOUNT}-dev",
            "key": "foundation/terraform.tfstate",
            "region": REGION,
        },
        "glue_job_names": {job: f"exa-orders-{job}-dev" for job in ("ingest", "refine")},
        "pipeline_arns": {"daily": f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:exa-orders-daily-dev"},
        "region": REGION,
        "tables": {
            f"{layer}.{name}": f"s3://exa-{layer}-{ACCOUNT}-dev/orders/{name}{'/' * (layer == 'raw')}"
            for layer, name in (
                ("curated", "orders_daily"),
                ("raw", "orders_lines"),
                ("refined", "orders"),
                ("refined", "orders_job_runs"),
            )
        },
    },
    "s3_bucket": {"bucket_arn": f"arn:aws:s3:::{BUCKET}", "bucket_id": BUCKET},
    "stepfunction_pipeline": {
        "log_group_name": f"/aws/vendedlogs/states/{PIPELINE}",
        "pipeline_arn": f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:{PIPELINE}",
        "pipeline_name": PIPELINE,
    },
}


def test_every_module_is_here():
    assert set(OUTPUTS) == set(INPUTS)


@pytest.mark.parametrize("module", OUTPUTS)
def test_a_module_hands_on_exactly_this(module, plan, infrastructure):
    planned = plan(infrastructure / "modules" / module, INPUTS[module])
    assert dict(planned.outputs) == OUTPUTS[module]
