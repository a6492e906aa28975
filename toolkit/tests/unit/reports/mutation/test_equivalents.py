"""The list of equivalent mutants is complete, and none of its entries is about nothing."""

from __future__ import annotations

import pytest

from meshtest.reports.mutation import equivalents
from meshtest.reports.mutation.mutants import Mutant, all_mutants
from meshtest.tools import toolchain

IDS = [
    "modules/a/main.tf::aws_a.this/x::drop-argument::1",
    "modules/a/main.tf::aws_a.this/y::drop-argument::1",
    'modules/a/main.tf::aws_a.this/z["k"]::drop-argument::1',
]
MUTANTS = [Mutant(id=id_, file="modules/a/main.tf", operator="", line=1, diff="", texts={}) for id_ in IDS]


@pytest.fixture
def load(tmp_path):
    def load(text: str) -> dict[str, str]:
        file = tmp_path / "equivalents.toml"
        file.write_text(text)
        return equivalents.load(MUTANTS, file)

    return load


def entry(id_: str, reason: str = "The default") -> str:
    return f"[[equivalent]]\nid = '{id_}'\nreason = '{reason}'\n"


def test_an_entry_is_for_one_mutant_or_for_several_alike(load):
    assert load(entry(IDS[0])) == {IDS[0]: "The default"}
    assert load(entry(IDS[2])) == {IDS[2]: "The default"}
    assert set(load(entry("modules/a/main.tf::aws_a.this/*"))) == set(IDS)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (entry("modules/b/*"), "modules/b/* matches no mutant; expected an id of --list"),
        (entry(IDS[0], " "), "entry 1 has id, reason; expected id and reason, neither of them empty"),
        (f"[[equivalent]]\nid = '{IDS[0]}'\n", "entry 1 has id; expected id and reason"),
    ],
)
def test_what_is_about_nothing_or_without_a_reason_is_refused(load, text, message):
    with pytest.raises(equivalents.EquivalentsError, match=message.replace("*", r"\*")):
        load(text)


def test_the_repositorys_own_list_holds():
    equivalents.load(all_mutants(toolchain.ROOT / "infrastructure"))
