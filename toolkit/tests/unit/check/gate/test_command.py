"""The command: exit statuses, one clear line for bad input, every format, what stops and what does not."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import plans
import pytest

from meshtest.check.gate import __main__ as gate
from meshtest.check.gate import rendering


@pytest.fixture
def file(tmp_path):
    """A plan file with three findings: high, medium, low."""
    place = tmp_path / "plan.json"
    place.write_text(json.dumps(plans.plan(plans.KEY)))
    return place


def exceptions(tmp_path, control: str, expires: str = "2999-12-31", address: str = "*") -> str:
    place = tmp_path / "exceptions.toml"
    place.write_text(
        f'[[exception]]\ncontrol = "{control}"\naddress = "{address}"\nowner = "a@example.com"\n'
        f'reason = "It is a test"\nexpires = {expires}\n'
    )
    return str(place)


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ("", 1),
        ("--fail-on high", 1),
        ("--fail-on critical", 0),
        ("--fail-on none", 0),
        ("--only kms-rotation --fail-on high", 0),
        ("--skip kms-policy --fail-on high", 0),
        ("--skip kms-policy --skip kms-rotation --skip kms-alias", 0),
    ],
)
def test_the_status_says_whether_something_stops_it(file, options, status):
    assert gate.main([str(file), *options.split()]) == status


def test_an_exception_covers_its_control_at_its_address(file, tmp_path):
    for control, status in (("kms-policy", 0), ("kms-alias", 1)):
        covered = exceptions(tmp_path, control)
        assert gate.main([str(file), "--fail-on", "high", "--exceptions", covered]) == status
    elsewhere = exceptions(tmp_path, "kms-policy", address="module.x.*")
    assert gate.main([str(file), "--fail-on", "high", "--exceptions", elsewhere]) == 1


def test_an_expired_exception_stops_even_a_plan_without_findings(tmp_path, capsys):
    place = tmp_path / "plan.json"
    place.write_text(json.dumps(plans.plan()))
    expired = exceptions(tmp_path, "kms-policy", "2020-01-31")
    assert gate.main([str(place), "--exceptions", expired]) == 1
    assert "EXPIRED exception of kms-policy at *: 2020-01-31, a@example.com" in capsys.readouterr().out


def test_an_exception_counts_on_its_last_day_and_not_after(tmp_path):
    from datetime import date

    from meshtest.check.gate import exceptions as reading
    from meshtest.check.gate import judge

    excuses = reading.load(tmp_path / exceptions(tmp_path, "kms-policy", "2030-05-01"), ["kms-policy"])
    data = plans.plan(plans.KEY)
    for day, passed in ((date(2030, 5, 1), True), (date(2030, 5, 2), False)):
        report = judge(data, "x", exceptions=excuses, fail_on="high", today=day)
        assert report.passed is passed


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"not json", "plan.json: no JSON in line 1: Expecting value"),
        (b"[]", "plan.json: found a list, expected the object of `terraform show -json`"),
        (
            b'{"format_version": "1.0", "values": {}}',
            "plan.json: no Terraform plan: configuration is missing",
        ),
        (b'{"errored": true}', "plan.json: Terraform could not finish this plan (errored)"),
        (b"PK\x03\x04\xff\xfe", "plan.json: no text: the plan file itself?"),
        (b'{"complete": false}', "plan.json: the plan is not whole (complete is false"),
        (b'{"resource_changes": null}', "plan.json: resource_changes is null; expected a list"),
        (b'{"output_changes": null}', "plan.json: output_changes is null; expected an object"),
        (b'{"configuration": null}', "plan.json: configuration is null; expected an object"),
        (b'{"configuration": {}, "resource_changes": [null]}', "plan.json: resource_changes[0] is null"),
        (
            b'{"configuration": {}, "resource_changes": [{"address": 1}]}',
            "plan.json: resource_changes[0].address is 1; expected a text",
        ),
        (
            b'{"planned_values": {"root_module": {"child_modules": [{"resources": [{"mode": "managed"}]}]}}}',
            "plan.json: the plan is not whole: it has planned_values, but no resource_changes",
        ),
        (b'{"a": 1}\n{"b": 2}', "plan.json: more than one JSON document"),
        (b'{"@level":"info"}\n{"@level":"info"}', "plan.json: this is the log of `terraform plan -json`"),
        (b"[" * 100_000, "plan.json: no plan: its JSON is nested too deeply"),
        (b'{"a":' * 600 + b"1" + b"}" * 600, "plan.json: no Terraform plan: configuration is missing"),
    ],
)
def test_bad_input_is_status_2_and_one_line(tmp_path, capsys, content, message):
    place = tmp_path / "plan.json"
    place.write_bytes(content)
    assert gate.main([str(place)]) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith(f"gate: {tmp_path}/{message}")
    assert len(output.err.splitlines()) == 1


@pytest.mark.parametrize(
    "written",
    [
        lambda text: text.encode("utf-8-sig"),
        lambda text: text.encode("utf-16"),
        lambda text: b"\xfe\xff" + text.encode("utf-16-be"),
        lambda text: text.encode("utf-16-le"),
        lambda text: text.encode("utf-32"),
        lambda text: f"[command]/opt/terraform-bin show -json p\n{text}\n\n::debug::exited 0.\n".encode(),
        lambda text: f"\r\n{text}\r\n".encode(),
    ],
    ids=["UTF-8 with BOM", "UTF-16", "UTF-16 BE", "UTF-16 without BOM", "UTF-32", "wrapper", "blank lines"],
)
def test_a_plan_is_read_as_pipelines_leave_it(tmp_path, capsys, written):
    place = tmp_path / "plan.json"
    place.write_bytes(written(json.dumps(plans.plan(plans.KEY))))
    assert gate.main([str(place), "--fail-on", "high"]) == 1
    assert "HIGH kms-policy" in capsys.readouterr().out


def test_what_no_terminal_can_show_is_no_traceback(tmp_path):
    place = tmp_path / "plan.json"
    bucket = plans.resource("aws_s3_bucket.this", {"bucket": "\ud800é"})
    place.write_text(json.dumps(plans.plan(bucket)))
    command = [
        sys.executable,
        "-m",
        "meshtest.check.gate",
        str(place),
        "--format",
        "markdown",
        "--output",
        "r.json",
    ]
    result = subprocess.run(
        command,
        capture_output=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        text=True,
    )
    assert (result.returncode, result.stderr) == (1, "")
    assert "bucket-names" in result.stdout


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "the following arguments are required: PLAN.json"),
        (["x.json"], "[Errno 2] No such file or directory: 'x.json'"),
        (["x.json", "--fail-on", "bad"], "argument --fail-on: invalid choice: 'bad'"),
        (["x.json", "--output", "report.xml"], "argument --output: 'report.xml' ends in none of .txt"),
        (
            ["x.json", "--skip", "nothing"],
            "argument --skip: there is no control 'nothing'; --list shows them",
        ),
    ],
)
def test_bad_arguments_are_status_2_and_one_line(capsys, options, message):
    try:
        status = gate.main(options)
    except SystemExit as ended:
        status = ended.code
    assert status == 2
    error = capsys.readouterr().err
    assert error.startswith(f"gate: {message}")
    assert len(error.splitlines()) == 1


def test_every_format_is_written_at_once(file, tmp_path, capsys):
    outputs = [
        option
        for name in ("r.txt", "r.md", "r.sarif", "r.json")
        for option in ("--output", f"{tmp_path}/{name}")
    ]
    assert gate.main([str(file), "--format", "json", *outputs]) == 1
    assert json.loads(capsys.readouterr().out)["passed"] is False
    for name, start in (("r.txt", f"{file}: stopped"), ("r.md", "❌ **"), ("r.sarif", "{"), ("r.json", "{")):
        assert (tmp_path / name).read_text().startswith(start)


def test_json_names_what_was_found_and_where(file, capsys):
    gate.main([str(file), "--format", "json"])
    report = json.loads(capsys.readouterr().out)
    (found,) = [each for each in report["findings"] if each["control"] == "kms-rotation"]
    assert found["address"] == "aws_kms_key.this"
    assert (found["severity"], found["found"], found["expected"]) == ("medium", False, True)
    assert found["references"]["security_hub"] == "KMS.4"
    assert report["controls"]["kms-rotation"] == "failed"
    assert report["controls"]["s3-https-only"] == "not applicable"


def test_the_worst_comes_first(file, capsys):
    gate.main([str(file)])
    text = capsys.readouterr().out
    assert text.index("HIGH kms-policy") < text.index("MEDIUM kms-rotation") < text.index("LOW kms-alias")


def test_a_plan_can_be_piped_in(file):
    command = [sys.executable, "-m", "meshtest.check.gate", "-", "--fail-on", "critical"]
    result = subprocess.run(command, capture_output=True, input=file.read_text(), text=True)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith("-: passed: 3 findings (1 high, 1 medium, 1 low)")


def test_what_is_known_only_after_the_apply_is_a_finding_not_a_pass(tmp_path, capsys):
    key = plans.resource(
        "aws_kms_key.this", {"enable_key_rotation": None}, after_unknown={"enable_key_rotation": True}
    )
    place = tmp_path / "plan.json"
    place.write_text(json.dumps(plans.plan(key)))
    assert gate.main([str(place), "--only", "kms-rotation"]) == 1
    assert "aws_kms_key.this: enable_key_rotation is known only after the apply" in capsys.readouterr().out


def test_what_a_control_does_not_understand_is_a_finding_of_that_resource(tmp_path, capsys):
    machine = plans.resource("aws_sfn_state_machine.this", {"definition": "[]", "name": "x"})
    place = tmp_path / "plan.json"
    place.write_text(json.dumps(plans.plan(machine, plans.KEY)))
    assert gate.main([str(place)]) == 1
    text = capsys.readouterr().out
    assert "undecided: aws_sfn_state_machine.this: definition has no States" in text
    assert "MEDIUM kms-rotation" in text


def test_a_cell_cannot_break_out_of_its_table():
    assert rendering.code("a|b`c\nd\\") == "`a\\|b'c d\\\\`"
    assert len(rendering.code("x" * 1000)) == rendering.VALUE_LENGTH + 2


def test_a_plan_without_resources_is_a_plan(tmp_path):
    data = plans.plan()
    del data["resource_changes"]
    place = tmp_path / "plan.json"
    place.write_text(json.dumps(data))
    assert gate.main([str(place)]) == 0
