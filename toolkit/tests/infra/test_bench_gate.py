"""What make bench-gate generates: plans whose right verdict the gate finds, without checkov."""

from __future__ import annotations

import re

import bench_gate

from meshtest.check.controls import all_controls


def test_the_gate_decides_every_generated_plan_as_it_was_made():
    wrong = [
        f"{case.control}: {case.spelling}: {found}, right is {case.truth}"
        for case in bench_gate.all_cases()[::3]
        if (found := bench_gate.of_gate(case)) != case.truth and (case.truth, found) != ("hidden", "fails")
    ]
    assert wrong == []


def test_the_rules_that_both_state_are_controls():
    assert bench_gate.CHECKS.keys() <= {each.id for each in all_controls()}


def test_every_reason_fits_a_case():
    cases = bench_gate.all_cases()
    for control, pattern, _ in bench_gate.REASONS:
        assert any(each.control.startswith(control) and re.search(pattern, each.spelling) for each in cases)


def test_a_false_pass_of_a_critical_control_fails_the_command(capsys):
    case = next(
        each for each in bench_gate.all_cases() if each.truth == "fails" and each.control == "sg-ingress"
    )
    assert bench_gate.report([case], {id(case): "holds"}, {}) == 1
    assert f"WRONG critical sg-ingress: {case.spelling}: holds" in capsys.readouterr().out
    assert bench_gate.report([case], {id(case): "fails"}, {}) == 0
