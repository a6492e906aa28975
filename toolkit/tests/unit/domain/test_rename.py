"""`make rename`: a whole checkout under another name, and clear words when that is refused."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from meshtest.domain import inputs
from meshtest.domain.rename import main
from meshtest.tools import toolchain

DOMAIN = json.loads((toolchain.ROOT / "setup/domain.json").read_text())
NEW = ("--name", "lighthouse", "--abbreviation", "lgt9", "--region", "eu-north-1")
# Names that examples have: a domain may have them, too.
EXAMPLES = {
    "acme",
    "eu-central-1",
    "eu-north-1",
    "exa",
    "example",
    "h07",
    "harbour",
    "hbr",
    "lgt9",
    "lighthouse",
}
EXAMPLES |= {"ap-southeast-2", "us-east-1", "us-east-2", "us-west-2"}
# What was, is drawn, or is of other people: it keeps the names that it had.
HISTORY = ("CHANGELOG.md", "docs/adr/", "docs/images/", ".terraform.lock.hcl", ".lock", ".zip")


def tracked() -> list[str]:
    """The files that git knows, committed or new."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, capture_output=True, check=True, cwd=toolchain.ROOT, text=True).stdout
    return [name for name in listed.split("\0") if name and (toolchain.ROOT / name).exists()]


@pytest.fixture
def checkout(tmp_path):
    """Every file of this checkout."""
    for name in tracked():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(toolchain.ROOT / name, tmp_path / name, follow_symlinks=False)
    return tmp_path


def read(top: Path, names: list[str]) -> str:
    files = (top / name for name in names)
    return "\n".join(file.read_text(encoding="utf-8", errors="replace") for file in files if file.is_file())


def is_word(word: str, text: str) -> bool:
    return bool(re.search(rf"(?<![A-Za-z0-9]){re.escape(word)}(?![A-Za-z0-9])", text))


def test_a_renamed_checkout_is_in_order_and_nothing_names_the_old_domain(checkout, capsys):
    before = (checkout / "setup/domain.json").read_text()
    assert main([*NEW, "--repository", "acme-data/lighthouse", "--top", str(checkout)]) == 0
    told = capsys.readouterr().out
    assert {line.partition(":")[0] for line in told.splitlines()} == {
        "setup/domain.json",
        ".github/CODEOWNERS",
    }
    after = (checkout / "setup/domain.json").read_text()
    for old, new in zip(DOMAIN.values(), ("lighthouse", "lgt9", "eu-north-1"), strict=True):
        before = before.replace(f'"{old}"', f'"{new}"')
    assert after == before  # but for the values, letter for letter
    owners = re.findall(r"@[\w-]+/", (checkout / ".github/CODEOWNERS").read_text())
    assert set(owners) == {"@acme-data/"}
    assert inputs.check(checkout) == []

    names = [name for name in tracked() if not any(part in name or name.endswith(part) for part in HISTORY)]
    # A word that the modules and the library have anyway (an abbreviation such as "core") tells nothing.
    own = read(
        checkout, [name for name in names if name.startswith(("infrastructure/modules/", "src/core/"))]
    )
    own += read(checkout, [name for name in names if name.startswith(("setup/schemas/", "setup/container/"))])
    for word in set(DOMAIN.values()) - EXAMPLES:
        if not is_word(word, own):
            assert [name for name in names if is_word(word, read(checkout, [name]))] == [], word


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["--name", "Harbour"], 'setup/domain.json: domain_name is "Harbour"; expected 2 to 63 lower-case'),
        (["--abbreviation", "too-long"], 'setup/domain.json: domain_abbr is "too-long"; expected 2 to 8'),
        (["--region", "Ireland"], 'setup/domain.json: aws_region is "Ireland"; expected an AWS Region'),
        (["--region", "eu-west-99"], 'setup/domain.json: aws_region is "eu-west-99"; expected an AWS Region'),
        (["--repository", "acme"], '.github/CODEOWNERS: REPOSITORY is "acme"; expected ORG/REPO'),
        (["--repository", "a*/b"], '.github/CODEOWNERS: REPOSITORY is "a*/b"; expected ORG/REPO'),
        (
            ["--name", "harbour", "--region", "eu-north-9"],
            'aws_region is "eu-north-9"; expected an AWS Region',
        ),
    ],
)
def test_a_refusal_is_one_line_and_changes_nothing(given, message, checkout, capsys):
    before = read(checkout, tracked())
    assert main([*given, "--top", str(checkout)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
    assert read(checkout, tracked()) == before


def test_states_of_the_old_name_stop_it(checkout, capsys):
    """Once bootstrapped, the abbreviation is in the names of what AWS has."""
    backend = checkout / "infrastructure/environments/dev/backend.conf"
    abbreviation, region = DOMAIN["domain_abbr"], DOMAIN["aws_region"]
    backend.write_text(f'bucket = "{abbreviation}-tfstate-123456789012-dev"\nregion = "{region}"\n')
    assert main(["--abbreviation", "lgt9", "--top", str(checkout)]) == 1
    assert 'expected a bucket "lgt9-tfstate-' in capsys.readouterr().err


def test_without_a_value_it_says_what_it_takes(capsys):
    assert main([]) == 2
    assert capsys.readouterr().err == (
        "rename: expected at least one of NAME, ABBREVIATION, REGION and REPOSITORY\n"
    )


def test_make_hands_everything_over():
    command = ["make", "--dry-run", "rename", "NAME=harbour", "ABBREVIATION=hbr", "REGION=eu-north-1"]
    told = subprocess.run(
        [*command, "REPOSITORY=acme/harbour"], cwd=toolchain.ROOT, capture_output=True, check=True, text=True
    ).stdout
    assert (
        "meshtest.domain.rename --name='harbour' --abbreviation='hbr' --region='eu-north-1' "
        "--repository='acme/harbour'" in told
    )
