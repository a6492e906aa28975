"""Step Functions checks definitions, and lists the versions of a state machine.

moto 5.2.5 lacks: ValidateStateMachineDefinition (which the provider calls at plan time) and
ListStateMachineVersions; CreateStateMachine and UpdateStateMachine accept what cannot run. What its parser
refuses it refuses without a code, and half of it stays with the parser: in its query language, every later
definition is read.

https://docs.aws.amazon.com/step-functions/latest/apireference/API_ValidateStateMachineDefinition.html
"""

from __future__ import annotations

from typing import Any

from moto.core.exceptions import AWSError
from moto.core.responses import ActionResult
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser
from moto.stepfunctions.parser.asl.parse.preprocessor import Preprocessor
from moto.stepfunctions.parser.models import StepFunctionsParserBackend
from moto.stepfunctions.responses import StepFunctionResponse

from meshtest.check.states_language import diagnose
from meshtest.check.states_scopes import Diagnostic
from meshtest.emulator.gaps.stepfunctions_tasks import diagnose_tasks

MAX_DIAGNOSTICS = 100

_create_state_machine = StepFunctionResponse.create_state_machine
_update_state_machine = StepFunctionResponse.update_state_machine


class InvalidDefinition(AWSError):
    """The definition cannot run."""

    TYPE = "InvalidDefinition"
    STATUS = 400


def install() -> None:
    """Add the two calls and guard the two that take definitions."""
    response: Any = StepFunctionResponse
    response.validate_state_machine_definition = _validate
    response.list_state_machine_versions = _list_versions
    response.create_state_machine = _create
    response.update_state_machine = _update
    backend: Any = StepFunctionsParserBackend
    backend._validate_definition = staticmethod(_refuse_what_cannot_be_parsed)
    preprocessor: Any = Preprocessor
    preprocessor.__init__ = _begin_without_scopes


def _validate(self: Any) -> ActionResult:
    diagnostics = [
        {"severity": "ERROR", "code": found.code, "message": found.message, "location": found.location}
        for found in _diagnose(self._get_param("definition"))
    ]
    limit = self._get_int_param("maxResults") or MAX_DIAGNOSTICS
    return ActionResult(
        {
            "result": "FAIL" if diagnostics else "OK",
            "diagnostics": diagnostics[:limit],
            "truncated": len(diagnostics) > limit,
        }
    )


def _list_versions(self: Any) -> ActionResult:
    """The newest first, as AWS lists them."""
    machine = self.stepfunction_backend.describe_state_machine(self._get_param("stateMachineArn"))
    newest_first = sorted(machine.versions.values(), key=lambda version: version.version, reverse=True)
    return ActionResult(
        {
            "stateMachineVersions": [
                {"stateMachineVersionArn": version.arn, "creationDate": version.creation_date}
                for version in newest_first
            ]
        }
    )


def _create(self: Any) -> ActionResult:
    _refuse_invalid(self._get_param("definition"))
    return _create_state_machine(self)


def _update(self: Any) -> ActionResult:
    definition = self._get_param("definition")
    if definition is not None:
        _refuse_invalid(definition)
    return _update_state_machine(self)


def _diagnose(definition: str) -> list[Diagnostic]:
    """Look at the language first: tasks can only be found in what is a definition."""
    return diagnose(definition) or diagnose_tasks(definition)


def _refuse_invalid(definition: str) -> None:
    if faults := _diagnose(definition):
        text = ", ".join(f"{fault.code}: {fault.message} at {fault.location}" for fault in faults)
        raise InvalidDefinition(f"Invalid State Machine Definition: '{text}'")


def _refuse_what_cannot_be_parsed(definition: str) -> None:
    try:
        AmazonStateLanguageParser.parse(definition)
    except Exception as error:
        why = " ".join(str(error).split())
        found = f"The embedded AWS cannot run this definition: its interpreter does not know it ({why})."
        raise InvalidDefinition(f"Invalid State Machine Definition: '{found}'") from error


def _begin_without_scopes(self: Any) -> None:
    """Give each parser its own scopes of query languages, where moto has one list for all of them."""
    self._query_language_per_scope = []
