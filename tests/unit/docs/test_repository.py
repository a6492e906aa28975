"""What a repository shows to those who come to it."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET

import pages
import yaml

from meshtest.tools import toolchain, version

TEXTS = {page: page.read_text() for page in pages.PAGES}


def test_every_guide_is_in_the_index():
    index = (toolchain.ROOT / "docs/README.md").read_text()
    guides = {page.name for page in (toolchain.ROOT / "docs").glob("*.md")} - {"README.md"}
    assert {name for name in guides if f"]({name})" not in index} == set()


def test_the_changelog_knows_what_is_not_released():
    text = (toolchain.ROOT / "CHANGELOG.md").read_text()
    kinds = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    assert set(re.findall(r"^### (.*)$", text, re.MULTILINE)) <= kinds
    first, *others = re.findall(r"^## \[(.*?)\]", text, re.MULTILINE)
    assert first == "Unreleased"
    assert [each for each in others if not re.fullmatch(r"\d+\.\d+\.\d+", each)] == []
    assert version.release(toolchain.ROOT) not in others or others[0] == version.release(toolchain.ROOT)


def test_the_license_is_apache_and_the_notice_names_the_data_that_is_not_under_it():
    assert (
        "Apache License\n                           Version 2.0" in (toolchain.ROOT / "LICENSE").read_text()
    )
    notice = (toolchain.ROOT / "NOTICE").read_text()
    data = (file.name for file in (toolchain.ROOT / "samples").iterdir() if file.is_file())
    assert {name for name in data if f"samples/{name}" not in notice} == {"README.md"}


def test_the_development_container_has_the_jobs_base_and_calls_targets_that_there_are():
    (base,) = re.findall(r"^FROM (.*) AS base$", (toolchain.ROOT / "Dockerfile").read_text(), re.MULTILINE)
    container = toolchain.ROOT / ".devcontainer"
    assert f"\nFROM {base}\n" in (container / "Dockerfile").read_text()
    command = json.loads((container / "devcontainer.json").read_text())["postCreateCommand"].split()
    targets = re.findall(r"^([a-z-]+):.*##", (toolchain.ROOT / "Makefile").read_text(), re.MULTILINE)
    assert command[0] == "make"
    assert set(command[1:]) <= set(targets)


def test_a_weakness_is_never_asked_for_in_public():
    config = yaml.safe_load((toolchain.ROOT / ".github/ISSUE_TEMPLATE/config.yml").read_text())
    assert config["blank_issues_enabled"] is False
    assert "SECURITY.md" in (toolchain.ROOT / ".github/ISSUE_TEMPLATE/bug.yml").read_text()


def test_pictures_are_well_formed_small_and_described():
    pictures = list((toolchain.ROOT / "docs/images").iterdir())
    assert pictures
    for picture in pictures:
        if picture.suffix == ".svg":
            ET.fromstring(picture.read_text())  # noqa: S314  (ours)
        assert picture.stat().st_size < 200_000, picture.name
        shown = [
            text for text in TEXTS.values() if re.search(rf"!\[[^\]]{{20,}}\]\([^)]*{picture.name}\)", text)
        ]
        assert shown, f"{picture.name} is in no page, or has no words for who cannot see it"
