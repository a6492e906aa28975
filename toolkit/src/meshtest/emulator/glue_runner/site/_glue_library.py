"""Stand in for the Java library of Glue that the package awsglue calls, which nobody can have outside Glue.

``Job.init`` and ``Job.commit`` keep a bookmark of a job whose arguments enable it; a `GlueContext` is refused
in one sentence. It imports the standard library only, as the driver does.

https://docs.aws.amazon.com/glue/latest/dg/programming-etl-connect-bookmarks.html
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

_ENABLED = "job-bookmark-enable"
_NO_CONTEXT = (
    "GlueContext needs Glue's own Java library, which the embedded AWS cannot have: read and write with "
    "SparkSession, and give that to awsglue.job.Job"
)


def install(bookmark: Path) -> None:
    """Have awsglue adapted when the script imports it; a committed bookmark is the file ``bookmark``."""
    sys.meta_path.insert(0, _Finder(bookmark))


class _Finder(importlib.abc.MetaPathFinder):
    """Finds two modules of awsglue where they are, and changes them once they are loaded."""

    def __init__(self, bookmark: Path) -> None:
        self._changes: dict[str, Callable[[Any], None]] = {
            "awsglue.context": _refuse_context,
            "awsglue.job": lambda module: _keep_bookmark(module, bookmark),
        }

    def find_spec(
        self, fullname: str, path: Any, target: Any = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Return the module's own specification, with a loader that changes what it has loaded."""
        change = self._changes.get(fullname)
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target) if change else None
        if spec is None or change is None:
            return None
        loader: Any = spec.loader
        load = loader.exec_module

        def load_and_change(module: Any) -> None:
            load(module)
            change(module)

        loader.exec_module = load_and_change
        return spec


def _refuse_context(module: Any) -> None:
    def refuse(self: Any, *_: Any, **__: Any) -> None:
        raise RuntimeError(_NO_CONTEXT)

    module.GlueContext.__init__ = refuse


def _keep_bookmark(module: Any, bookmark: Path) -> None:
    begun: dict[str, str] = {}

    def init(self: Any, job_name: str, args: Any = None) -> None:
        begun["option"] = (args or {}).get("job_bookmark_option", "")

    def commit(self: Any) -> None:
        if begun.get("option") == _ENABLED:
            bookmark.touch()

    job = module.Job
    job.init, job.commit, job.isInitialized = init, commit, lambda self: bool(begun)
