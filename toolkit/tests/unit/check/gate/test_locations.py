"""Findings point at the block that declares the resource, in whichever module that is."""

from __future__ import annotations

import pytest

from meshtest.check.gate.locations import locate
from meshtest.check.plan import Plan


@pytest.fixture
def root(tmp_path, monkeypatch):
    """root/ calls ../outer, which calls ../inner and a module of a registry."""
    files = {
        "root/main.tf": 'module "outer" {\n  source = "../outer"\n}\n\nresource "aws_x" "own" {}\n',
        "outer/calls.tf": '# one\nmodule "inner" {\n}\nmodule   "far" {\n}\n',
        "inner/a.tf": '# resource "aws_x" "deep" {}\n',
        "inner/b.tf": '\n  resource "aws_x"  "deep" {\n}\n',
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "root"


PLAN = Plan(
    {
        "configuration": {
            "root_module": {
                "module_calls": {
                    "outer": {
                        "source": "../outer",
                        "module": {
                            "module_calls": {
                                "inner": {"source": "../inner", "module": {}},
                                "far": {"source": "terraform-aws-modules/s3-bucket/aws", "module": {}},
                            }
                        },
                    }
                }
            }
        }
    }
)


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("aws_x.own", "root/main.tf:5"),
        ('aws_x.own["a.b"]', "root/main.tf:5"),
        ('module.outer.module.inner["x"].aws_x.deep[0]', "inner/b.tf:2"),
        ("module.outer.module.far.aws_x.this", "outer/calls.tf:4"),
        ("aws_x.unknown", "root/main.tf:1"),
        ("", "root/main.tf:1"),
    ],
)
def test_a_resource_is_found(root, address, place):
    assert str(locate(PLAN, address, root)) == place


def test_without_the_files_the_folder_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert str(locate(PLAN, "aws_x.own", tmp_path / "elsewhere")) == "elsewhere:1"
