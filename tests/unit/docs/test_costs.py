"""The table of costs in docs/operate.md adds up, and counts what Terraform makes."""

from __future__ import annotations

import json
import math
import re
from decimal import Decimal

from meshtest.terraform import hcl
from meshtest.tools import toolchain

PAGE = (toolchain.ROOT / "docs/operate.md").read_text()
INFRASTRUCTURE = toolchain.ROOT / "infrastructure"
ROWS = {
    cells[0]: cells[1:]
    for line in re.findall(r"^\| (.*) \|$", PAGE.partition("## Costs")[2], re.MULTILINE)
    if re.fullmatch(r"[\d.]+", (cells := [cell.strip() for cell in line.split("|")])[3])
}
LINES = {what: cells for what, cells in ROWS.items() if what != "**sum**"}


def factors(beginning: str) -> list[Decimal]:
    """What a line multiplies, before the price."""
    (found,) = [cells[0] for what, cells in LINES.items() if what.startswith(beginning)]
    return [Decimal(each) for each in found.split(" × ")]


def month(what: str) -> Decimal:
    """What a line costs, to the cent."""
    count, price, *_ = LINES[what]
    amount = math.prod(Decimal(each) for each in count.split(" × ")) * Decimal(price)
    return max(amount, Decimal("0.01")).quantize(Decimal("0.01"))


def default(folder: str, variable: str) -> object:
    (block,) = [
        block for block in hcl.blocks(INFRASTRUCTURE / folder / "variables.tf") if block.labels == [variable]
    ]
    return json.loads(block.arguments["default"])


def entries(file: str, local: str) -> int:
    """How many keys a map in the locals of the template's file has, for the table's two projects."""
    return 2 * len(re.findall(r"^  \w+ += ", of_template(file, local), re.MULTILINE))


def of_template(file: str, local: str) -> str:
    """A value in the locals of the template's file, as it is written."""
    blocks = hcl.blocks(INFRASTRUCTURE / "projects" / "_template" / file)
    (text,) = [block.arguments[local] for block in blocks if local in block.arguments]
    return text


def test_every_line_is_how_many_times_price():
    assert {what: Decimal(cells[2]) for what, cells in LINES.items()} == {what: month(what) for what in LINES}
    assert len(LINES) == 8


def test_the_sum_is_the_sum():
    assert Decimal(ROWS["**sum**"][2]) == sum(month(what) for what in LINES)


def test_every_price_names_its_page_and_the_day():
    assert [what for what, cells in LINES.items() if "](https://aws.amazon.com/" not in cells[3]] == []
    assert re.search(
        r"List prices of Europe \(Ireland\) .* as noted on \d{4}-\d{2}-\d{2}", PAGE.replace("\n", " ")
    )


def test_endpoints_are_the_foundations():
    services = default("foundation", "interface_endpoints")
    assert factors("interface endpoints")[:2] == [
        len(services),
        default("foundation", "availability_zone_count"),
    ]


def test_keys_are_those_of_the_foundation_and_of_bootstrap():
    files = [*INFRASTRUCTURE.glob("foundation/*.tf"), *INFRASTRUCTURE.glob("bootstrap/environment/*.tf")]
    keys = [block for file in files for block in hcl.blocks(file) if block.labels[:1] == ["aws_kms_key"]]
    assert factors("KMS keys") == [len(keys)]


def jobs_run() -> int:
    """How many jobs the pipelines run: one in no pipeline costs nothing."""
    return 2 * len(re.findall(r'"\w+"', of_template("pipelines.tf", "pipeline_jobs")))


def test_jobs_and_pipelines_are_the_projects():
    jobs, runs, workers, _ = factors("Glue jobs")
    assert [jobs, runs, workers] == [jobs_run(), 30, default("modules/glue_job", "number_of_workers")]
    assert default("modules/glue_job", "worker_type") == "G.1X"  # one DPU a worker
    assert factors("Step Functions")[:2] == [entries("pipelines.tf", "pipeline_jobs"), 30]
