"""State machines as Mermaid: every state and transition, and nothing that breaks out of a label."""

from __future__ import annotations

from meshtest.deploy.github.diagram import flowchart

TASK = {
    "Type": "Task",
    "Resource": "arn:secret",
    "Next": "Done",
    "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "No"}],
}
MACHINE = {"StartAt": "Run", "States": {"Run": TASK, "Done": {"Type": "Succeed"}, "No": {"Type": "Fail"}}}


def test_states_and_transitions_in_order():
    assert flowchart(MACHINE).splitlines() == [
        "flowchart TD",
        "  sstart((start)) --> s0",
        '  s0["Run"]',
        "  s0 --> s1",
        '  s0 -.->|"States.ALL"| s2',
        '  s1(["Done"])',
        '  s2(["No"])',
    ]


def test_only_names_are_shown():
    assert "secret" not in flowchart(MACHINE)


def test_a_name_cannot_break_out():
    name = 'a"]; click x "javascript:1"\n<b>'
    chart = flowchart({"StartAt": name, "States": {name: {"Type": "Succeed"}}})
    assert chart.splitlines()[2] == '  s0(["a#quot;]; click x #quot;javascript:1#quot; &lt;b&gt;"])'


def test_choices_and_branches():
    machine = {
        "StartAt": "Ask",
        "States": {
            "Ask": {"Type": "Choice", "Choices": [{"Next": "Both"}], "Default": "End"},
            "Both": {"Type": "Parallel", "Branches": [MACHINE], "Next": "End"},
            "End": {"Type": "Succeed"},
        },
    }
    lines = flowchart(machine).splitlines()
    for line in (
        '  s0{"Ask"}',
        "  s0 --> s1",
        "  s0 -->|otherwise| s2",
        '  subgraph s1b0["Both 1"]',
        '    s1b0s0["Run"]',
    ):
        assert line in lines
    assert lines.count("  end") == 1


def test_a_transition_to_nowhere_is_left_out():
    assert "-->" not in flowchart({"States": {"A": {"Type": "Pass", "Next": "gone"}}})
