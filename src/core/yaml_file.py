"""Read YAML as the tools of the Open Data Contract Standard do: PyYAML, and a date stays a text.

Not on Glue, of which nobody here knows that it brings PyYAML: the build packs the contract as JSON for it, as
``python -m core.yaml_file contract.odcs.yaml`` prints it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import yaml

from core.errors import ContractError
from core.mistakes import CONTENT, Mistake

EXPECTED = "a data contract (ODCS) in YAML"


class YamlError(ContractError):
    """A text is no YAML, or names a key again.

    Attributes:
        what: what it is instead, in a few words.
        line: where, if that is known.

    """

    def __init__(self, what: str, line: int | None, file: str) -> None:
        place = f"{file}:{line}" if line else file
        super().__init__(str(Mistake(place, CONTENT, what, EXPECTED)))
        self.what, self.line = what, line


class _Loader(yaml.SafeLoader):  # type: ignore[misc]  # PyYAML has no types
    pass


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    names = [loader.construct_object(key, deep=True) for key, _ in node.value]
    for number, name in enumerate(names):
        if name in names[:number]:
            key = node.value[number][0]
            raise yaml.MarkedYAMLError(problem=f"the key {name} twice", problem_mark=key.start_mark)
    found: dict[Any, Any] = yaml.SafeLoader.construct_mapping(loader, node, deep=True)
    return found


_Loader.yaml_implicit_resolvers = {
    letter: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for letter, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_constructor("tag:yaml.org,2002:map", _mapping)


def parsed(text: str, file: str) -> Any:
    """Return the content of a YAML text; ``file`` is its name in messages.

    Raises:
        YamlError: it is no YAML, or a mapping has a key twice.

    """
    try:
        return yaml.load(text, _Loader)  # noqa: S506 - a SafeLoader without dates
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        raise YamlError(f"no YAML ({error.problem})", line, file) from None
    except yaml.YAMLError as error:
        raise YamlError(f"no YAML ({error})", None, file) from None


def main() -> None:
    """Print a contract as JSON.

    Raises:
        SystemExit: it is none that the jobs can read; the message says why.

    """
    from core import contract

    file = sys.argv[1]
    try:
        content = parsed(Path(file).read_text(encoding="utf-8"), file)
        contract.read(content, file)
    except ContractError as error:
        raise SystemExit(str(error)) from None
    sys.stdout.buffer.write(json.dumps(content, ensure_ascii=False).encode())


if __name__ == "__main__":
    main()
