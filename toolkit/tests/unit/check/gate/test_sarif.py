"""SARIF as GitHub's code scanning reads it."""

from __future__ import annotations

import json

import plans

from meshtest.check.controls import all_controls
from meshtest.check.gate import judge
from meshtest.check.gate.sarif import sarif

REPORT = judge(plans.plan(plans.KEY), "infrastructure/environments/dev")
(RUN,) = json.loads(sarif(REPORT))["runs"]


def test_every_control_is_a_rule_with_a_score_and_a_page():
    rules = RUN["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == [each.id for each in all_controls()]
    for rule in rules:
        assert rule.get("helpUri", "https://").startswith("https://"), rule["id"]
        assert 0 < float(rule["properties"]["security-severity"]) < 10


def test_levels_and_scores_follow_the_severity():
    found = {result["ruleId"]: result["level"] for result in RUN["results"]}
    assert found == {"kms-policy": "error", "kms-rotation": "warning", "kms-alias": "note"}
    scores = {
        rule["id"]: float(rule["properties"]["security-severity"]) for rule in RUN["tool"]["driver"]["rules"]
    }
    assert (
        scores["s3-https-only"]
        >= 9
        > scores["kms-policy"]
        >= 7
        > scores["kms-rotation"]
        >= 4
        > scores["tags"]
    )


def test_a_result_refers_to_its_rule_and_to_a_file_below_the_checkout():
    for result in RUN["results"]:
        assert RUN["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
        place = result["locations"][0]["physicalLocation"]
        assert not place["artifactLocation"]["uri"].startswith("/")
        assert place["region"]["startLine"] >= 1


def test_roots_are_told_apart():
    other = json.loads(sarif(judge(plans.plan(plans.KEY), "infrastructure/environments/int")))["runs"][0]
    assert RUN["automationDetails"]["id"] == "gate/infrastructure/environments/dev/"
    prints = [
        result["partialFingerprints"]["gateAddress/v1"] for run in (RUN, other) for result in run["results"]
    ]
    assert len(set(prints)) == len(prints) == 6
