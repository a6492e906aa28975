"""The catalogue as one HTML page that asks for nothing from anywhere, with the lineage drawn."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from meshtest.reports import evidence
from meshtest.reports.catalogue.products import LAYERS, Product
from meshtest.reports.evidence.pictures import Picture

Samples = Mapping[tuple[str, str], Sequence[Mapping[str, Any]]]


def render(products: Sequence[Product], title: str, samples: Samples | None) -> str:
    """Return the page.

    Args:
        products: of the domain.
        title: the domain's name.
        samples: some rows of each table, by layer and name; None if no domain is running to be asked.
    """
    folders = (Path(__file__).parent, Path(evidence.__file__).parent)
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folders),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    return environment.get_template("catalogue.html.j2").render(
        products=products,
        title=title,
        samples=samples,
        lineage=Markup(lineage(products)),  # noqa: S704 - drawn by Graphviz, which escapes
    )


def lineage(products: Sequence[Product]) -> str:
    """Draw how data gets from the landing zones through the layers, and from product to product."""
    picture = Picture("LR")
    for product in products:
        _product(picture, product)
    for product in products:
        for needed, name in itertools.product(product.depends_on, product.pipelines):
            for layer in ("curated", "refined"):
                picture.edge(f"{needed} {layer}", f"{product.name} pipeline {name}", "reads", "dim")
    return picture.svg("Where the data comes from; the list below says the same")


def _product(picture: Picture, product: Product) -> None:
    frame = picture.group(product.name, product.name)
    stations = [f"{product.name} landing"]
    picture.node(frame, stations[0], "bucket", "Landing zone", shape="cylinder")
    for layer in LAYERS:
        if names := [each.name for each in product.objects if each.layer == layer]:
            stations.append(f"{product.name} {layer}")
            picture.node(frame, stations[-1], "table", layer.capitalize(), *names)
    for start, end in itertools.pairwise(stations):
        picture.edge(start, end)
    for name, jobs in product.pipelines.items():
        node = f"{product.name} pipeline {name}"
        picture.node(frame, node, "machine", f"Pipeline {name}", *jobs)
        picture.edge(node, stations[-1], "writes", "dim")
