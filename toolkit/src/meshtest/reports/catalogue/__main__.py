"""Write the catalogue of the domain's data products: ``make contracts``.

Of a domain that is running, it shows some rows of each table, without what is classified as confidential.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from meshtest import emulator
from meshtest.domain import inputs
from meshtest.domain.inputs import InputsError
from meshtest.reports.catalogue import page
from meshtest.reports.catalogue.products import Product, products
from meshtest.tools import environment as surroundings
from meshtest.tools import toolchain
from meshtest.tools.toolchain import BUILD

if TYPE_CHECKING:
    from meshtest.emulator import Endpoint

ROWS = 3
ENVIRONMENT = "dev"  # of the domain on this machine


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the page; returns the exit status."""
    options = _parser().parse_args(arguments)
    try:
        inputs.require(options.top)
    except InputsError as error:
        print(error, file=sys.stderr)
        return 1
    domain = json.loads((options.top / toolchain.DOMAIN).read_text(encoding="utf-8"))
    found = products(options.top)
    endpoint = emulator.find(options.state_dir)
    samples = _samples(endpoint, found, domain["domain_abbr"]) if endpoint else None
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(page.render(found, domain["domain_name"], samples), encoding="utf-8")
    print(f"{len(found)} data products: {options.out}")
    return 0


def _samples(endpoint: Endpoint, found: Sequence[Product], abbreviation: str) -> page.Samples:
    # Arrow reads it once, when it is loaded.
    os.environ["SSL_CERT_FILE"] = str(endpoint.ca_bundle)
    from meshtest.reports.console import tables
    from meshtest.reports.console.storage import Missing

    samples = {}
    for each in (each for product in found for each in product.objects):
        try:
            table = tables.table(
                endpoint, f"{abbreviation}_{each.layer}_{ENVIRONMENT}", each.name, each.hidden
            )
        except Missing:
            continue  # its stack is not applied
        samples[each.layer, each.name] = table.rows.slice(0, ROWS).to_pylist()
    return samples


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m meshtest.reports.catalogue", description=__doc__)
    parser.add_argument(
        "--out", type=Path, default=BUILD / "contracts" / "index.html", help="default %(default)s"
    )
    parser.add_argument(
        "--state-dir", type=Path, default=BUILD / "emulator", help="where the embedded AWS has its files"
    )
    parser.add_argument("--top", type=Path, default=toolchain.ROOT, help=argparse.SUPPRESS)
    return parser


if __name__ == "__main__":
    surroundings.clean()
    sys.exit(main())
