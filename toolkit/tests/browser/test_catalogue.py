"""The catalogue of data products: made by its command from the real contracts, read with keyboard and axe."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest
import yaml
from playwright.sync_api import expect

from meshtest.domain import projects
from meshtest.reports.catalogue import products
from meshtest.reports.catalogue.page import render
from meshtest.reports.catalogue.products import Product
from meshtest.tools import toolchain

CONTRACT = """
apiVersion: v3.1.0
kind: DataContract
id: orders
name: orders
version: 2.1.0
status: active
description: { purpose: "Orders <b>of the shop</b>" }
team: { name: shop@example.com }
slaProperties: [{ property: frequency, value: 2, unit: h }]
schema:
  - name: orders
    physicalType: table
    description: Orders, one row each
    quality: [{ metric: rowCount, mustBeGreaterThan: 0 }]
    properties:
      - { name: id, logicalType: string, required: true, primaryKey: true, description: Number of the order }
      - { name: buyer, logicalType: string, classification: confidential, description: Who buys }
      - { name: amount, logicalType: number, logicalTypeOptions: { minimum: 0 }, description: In euro }
"""


@pytest.fixture(scope="session")
def address(tmp_path_factory):
    """The page of a checkout with a project of its own, in which no domain runs."""
    top = tmp_path_factory.mktemp("catalogue")
    projects.bare(toolchain.ROOT, top)
    for name in ("shop", "orders"):
        projects.new(projects.Wanted(name, f"What {name} is for", "team@example.com"), top)
    place = top / "infrastructure/projects/orders"
    described = json.loads((place / "project.json").read_text()) | {"depends_on": ["shop"]}
    (place / "project.json").write_text(json.dumps(described))
    out = top / "index.html"
    command = [sys.executable, "-m", "meshtest.reports.catalogue", "--top", top, "--out", out]
    ended = subprocess.run(
        [*command, "--state-dir", top / "none"], cwd=toolchain.ROOT, capture_output=True, text=True
    )
    assert ended.returncode == 0, ended.stderr
    return out.as_uri()


@pytest.fixture
def catalogue(page, address):
    page.goto(address)
    return page


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_accessible_with_everything_open(page, address, violations, scheme):
    page.emulate_media(color_scheme=scheme)
    page.goto(address)
    page.evaluate("document.querySelectorAll('details').forEach((each) => each.open = true)")
    assert violations() == []


def test_it_fits_a_narrow_screen(page, address):
    page.set_viewport_size({"width": 340, "height": 700})
    page.goto(address)
    assert page.evaluate("document.documentElement.scrollWidth") <= 340


def test_a_product_tells_its_owner_what_it_reads_and_its_pipelines(catalogue):
    orders = catalogue.get_by_role("region", name=re.compile("^orders"))
    facts = orders.locator("dl")
    for text in ("team@example.com", "shop", "ingest → refine → curate"):
        expect(facts).to_contain_text(text)
    facts.get_by_role("link", name="shop").click()
    expect(catalogue.get_by_role("heading", name=re.compile("^shop"))).to_be_in_viewport()


def test_the_lineage_leads_from_product_to_product(catalogue):
    drawing = catalogue.get_by_role("region", name="Lineage, drawn").locator("svg")
    for text in ("Landing zone", "Raw", "Refined", "Curated", "reads"):
        expect(drawing.get_by_text(text, exact=True).first).to_be_attached()


def test_without_a_domain_it_says_how_to_get_samples(catalogue):
    expect(catalogue.get_by_text("No domain was running").first).to_be_visible()


def test_light_and_dark_change_by_the_button(catalogue):
    catalogue.emulate_media(color_scheme="light")
    catalogue.get_by_role("button", name="Light or dark").click()
    assert catalogue.evaluate("document.documentElement.style.colorScheme") == "dark"


# ─── A Page of One Contract ───


def test_what_a_contract_promises_is_told_and_what_it_hides_is_hidden(page, tmp_path):
    orders = Product("orders", yaml.safe_load(CONTRACT), ["shop"], {"daily": ["refine", "curate"]})
    rows = [{"id": "1", "buyer": "•••", "amount": None}]
    file = tmp_path / "index.html"
    file.write_text(render([orders], "example", {("curated", "orders"): rows}))
    page.goto(file.as_uri())
    table = page.get_by_role("region", name="Columns of curated.orders")
    assert [row.split("\t") for row in table.inner_text().splitlines()[1:]] == [
        ["id", "Number of the order", "string", "key; required", ""],
        ["buyer", "Who buys", "string", "", "confidential"],
        ["amount", "In euro", "double", "minimum 0", ""],
    ]
    expect(page.get_by_text("rowCount mustBeGreaterThan 0")).to_be_visible()
    expect(page.get_by_text("frequency 2 h")).to_be_visible()
    expect(page.get_by_text("Orders <b>of the shop</b>")).to_be_visible()
    sample = page.get_by_role("region", name="Sample of curated.orders")
    assert sample.inner_text().splitlines()[1].split("\t") == ["1", "•••", ""]


def test_what_is_hidden_is_told_by_layer_and_name(tmp_path):
    projects.bare(toolchain.ROOT, tmp_path)
    projects.new(projects.Wanted("orders", "All orders", "team@example.com"), tmp_path)
    projects.new(projects.Wanted("shop", "All shops", "team@example.com"), tmp_path)
    place = tmp_path / "infrastructure/projects"
    (place / "orders/contract.odcs.yaml").write_text(CONTRACT)
    assert products.hidden_columns(tmp_path, "exa_curated_dev", "orders") == {"buyer"}
    assert products.hidden_columns(tmp_path, "exa_raw_dev", "orders") == frozenset()
    (place / "shop/contract.odcs.yaml").write_text("schema: }")
    assert products.hidden_columns(tmp_path, "exa_curated_dev", "orders") == {"buyer"}
    assert "anything" in products.hidden_columns(tmp_path, "exa_curated_dev", "shop_daily")
