"""Ask Spark's own parsers about what a contract writes in their languages, before the first run does.

Types, conditions in SQL, regular expressions and datetime patterns: what Spark reads is a contract, whatever
another parser would say of it. A JVM is started for that, and only if a contract holds any.
"""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator, Mapping
from typing import Any

from py4j.java_gateway import GatewayParameters, JavaGateway, launch_gateway
from py4j.protocol import Py4JJavaError

from core import odcs
from core.mistakes import Mistake
from meshtest.tools import toolchain

# field, value, in which language, and what is expected
_Text = tuple[str, str, str, str]
_FORMAT = "https://spark.apache.org/docs/3.5.6/sql-ref-datetime-pattern.html"


def mistakes(contracts: Mapping[str, Any]) -> Iterator[Mistake]:
    """Yield what Spark cannot read in contracts by file."""
    asked = [(file, text) for file, content in contracts.items() for text in _texts(content)]
    _ask({(language, value) for _, (_, value, language, _) in asked})
    for file, (field, value, language, expected) in asked:
        if not _ANSWERS[language, value]:
            yield Mistake(file, field, value, expected)


# What Spark has said in this process: most texts are asked about again and again.
_ANSWERS: dict[tuple[str, str], bool] = {}


def _ask(questions: set[tuple[str, str]]) -> None:
    if new := questions - _ANSWERS.keys():
        with _jvm() as gateway:
            _ANSWERS.update({each: _is_read(gateway, *each) for each in new})


def _texts(content: Mapping[str, Any]) -> Iterator[_Text]:
    for described in content["schema"]:
        place = f"schema.{described['name']}"
        yield from _queries(described, place)
        for each in described.get("properties") or []:
            inner = f"{place}.properties.{each['name']}"
            kind, options = odcs.physical_type(each), each.get("logicalTypeOptions") or {}
            if kind.endswith(">"):
                said = "physicalType" if "physicalType" in each else "logicalType"
                yield f"{inner}.{said}", kind, "type", 'a type such as "array<struct<id:string,n:int>>"'
            if "pattern" in options:
                yield f"{inner}.logicalTypeOptions.pattern", options["pattern"], "regex", _REGEX
            if "format" in options and odcs.value_type(each) in ("date", "timestamp"):
                yield (
                    f"{inner}.logicalTypeOptions.format",
                    options["format"],
                    "format",
                    f"a pattern of {_FORMAT}",
                )
            yield from _queries(each, inner)


def _queries(described: Mapping[str, Any], place: str) -> Iterator[_Text]:
    for number, check in enumerate(described.get("quality") or []):
        field, arguments = f"{place}.quality[{number}]", check.get("arguments") or {}
        if not odcs.is_rule(check):
            continue
        if "pattern" in arguments:
            yield f"{field}.arguments.pattern", arguments["pattern"], "regex", _REGEX
        if check.get("type") == "sql" and (match := odcs.COUNT.match(check["query"])):
            where = odcs.COLUMN.sub(described["name"], match["where"])
            yield f"{field}.query", where, "condition", "a condition in Spark SQL after WHERE"


_REGEX = "a regular expression as Java reads it"


@contextlib.contextmanager
def _jvm() -> Iterator[JavaGateway]:
    import pyspark

    port, process = launch_gateway(
        classpath=f"{pyspark.__path__[0]}/jars/*",
        java_path=str(toolchain.java_home() / "bin" / "java"),
        javaopts=["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"],
        die_on_exit=True,
        redirect_stderr=subprocess.DEVNULL,
        return_proc=True,
    )
    gateway = JavaGateway(gateway_parameters=GatewayParameters(port=port))
    try:
        yield gateway
    finally:
        gateway.close()
        process.kill()
        process.wait()


def _is_read(gateway: JavaGateway, language: str, text: str) -> bool:
    jvm: Any = gateway.jvm
    catalyst = jvm.org.apache.spark.sql.catalyst
    try:
        if language == "regex":
            jvm.java.util.regex.Pattern.compile(text)
        elif language == "type":
            catalyst.parser.CatalystSqlParser().parseDataType(text)
        elif language == "condition":
            catalyst.parser.CatalystSqlParser().parseExpression(text)
        else:
            utc = jvm.java.time.ZoneOffset.UTC
            catalyst.util.TimestampFormatter.apply(text, utc, True).validatePatternString(False)
    except Py4JJavaError:
        return False
    return True
