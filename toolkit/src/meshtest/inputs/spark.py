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

from core.contract import LAYERS
from core.mistakes import Mistake
from meshtest import toolchain

# field, value, in which language, and what is expected
_Text = tuple[str, str, str, str]
_FORMAT = "https://spark.apache.org/docs/3.5.6/sql-ref-datetime-pattern.html"


def mistakes(contracts: Mapping[str, Any]) -> Iterator[Mistake]:
    """Yield what Spark cannot read in contracts by file."""
    asked = [(file, text) for file, content in contracts.items() for text in _texts(content)]
    if not asked:
        return
    with _jvm() as gateway:
        for file, (field, value, language, expected) in asked:
            if not _is_read(gateway, language, value):
                yield Mistake(file, field, value, expected)


def _texts(content: Mapping[str, Any]) -> Iterator[_Text]:
    for layer in LAYERS:
        for name, table in content.get(layer, {}).items():
            for number, column in enumerate(table["columns"]):
                if "<" in column["type"]:
                    field = f"{layer}.{name}.columns[{number}].type"
                    yield field, column["type"], "type", 'a type such as "array<struct<id:string,n:int>>"'
            for number, rule in enumerate(table.get("quality", {}).get("rules", [])):
                for option, language, expected in _RULES:
                    if option in rule:
                        field = f"{layer}.{name}.quality.rules[{number}].{option}"
                        yield field, rule[option], language, expected


_RULES = (
    ("pattern", "regex", "a regular expression as Java reads it"),
    ("condition", "condition", "a condition in Spark SQL"),
    ("format", "format", f"a pattern of {_FORMAT}"),
)


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
