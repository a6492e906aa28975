"""Judge mutants side by side: a checkout and a warm judge a core, results kept from run to run.

An answer is kept under a digest of the mutant, of all Terraform code and of the controls, with the test files
that it hangs on; it counts until one of them changes.
"""

from __future__ import annotations

import contextlib
import json
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any, cast

from meshtest.reports.mutation import scope
from meshtest.reports.mutation.mutants import Mutant
from meshtest.tools import environment as surroundings
from meshtest.tools import toolchain

Answer = dict[str, Any]
INFRASTRUCTURE = toolchain.ROOT / "infrastructure"
KEPT = toolchain.BUILD / "mutation" / "results.jsonl"


class MutationError(Exception):
    """Mutants cannot be judged; the message says why."""


# ─── What is kept ───


class Results:
    """Answers by digest, in a file that grows by a line an answer."""

    def __init__(self, file: Path = KEPT) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._known: dict[str, Answer] = {}
        if file.exists():
            for line in file.read_text().splitlines():
                with contextlib.suppress(ValueError):  # the last line of a run that was killed
                    entry = json.loads(line)
                    self._known[entry["digest"]] = entry["answer"]

    def get(self, digest: str) -> Answer | None:
        """The answer of an earlier run."""
        return self._known.get(digest)

    def keep(self, digest: str, answer: Answer) -> None:
        """Write an answer down; a later one of the same digest counts."""
        with self._lock:
            self._known[digest] = answer
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with self._file.open("a") as file:
                file.write(json.dumps({"digest": digest, "answer": answer}) + "\n")


class Digests:
    """What an answer depends on: the mutant, the Terraform code, the controls, and tests."""

    def __init__(self, root: Path = toolchain.ROOT) -> None:
        self._common = scope.digest(root, _decisive(root))
        tests = root / "tests" / "infra"
        self._tests = {
            str(file.relative_to(root)): scope.digest(root, [file, *_helpers(tests, file.parent)])
            for file in tests.rglob("test_*.py")
        }

    def of(self, mutant: Mutant) -> str:
        """The key of a mutant's answer: changes with it, the Terraform code and the controls."""
        return scope.text_digest(mutant.digest, self._common)

    def decisive(self, answer: Answer, mutant: Mutant, stacks: Iterable[str]) -> dict[str, str]:
        """The test files that an answer hangs on, each with its digest.

        The file with the test that killed it, which kills it whatever others do; of a survivor all that
        concern it; none if Terraform refused it.
        """
        if answer["refused"]:
            return {}
        killers = {test.partition("::")[0] for test in answer["killed_by"]}
        names = killers or scope.files_of(scope.tiers(mutant, stacks))
        return {name: self._tests[name] for name in sorted(names)}


def _decisive(root: Path) -> Iterator[Path]:
    for file in committed(root):
        name = str(file.relative_to(root))
        is_code = name.startswith(
            (
                "infrastructure/",
                "setup/domain.json",
                "setup/external.json",
                "setup/tags.json",
                "toolkit/src/meshtest/",
            )
        )
        if is_code and not name.startswith("toolkit/src/meshtest/reports/mutation/"):
            yield file


def _helpers(*folders: Path) -> set[Path]:
    """What the tests of some folders share."""
    files = (file for folder in folders for file in folder.glob("*.*") if file.is_file())
    return {file for file in files if not file.name.startswith("test_")}


def committed(root: Path) -> list[Path]:
    """The files of the checkout that git tracks or would track."""
    command = ["git", "-C", str(root), "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    try:
        listed = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise MutationError(f"{root} is no git checkout: {error}") from None
    return sorted(root / name for name in listed.split("\0") if name and (root / name).is_file())


def copy_committed(root: Path, target: Path) -> None:
    """Copy these files; links stay links, as the jobs' contracts have to."""
    for file in committed(root):
        place = target / file.relative_to(root)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(file, place, follow_symlinks=False)


# ─── Judges ───


class Judge:
    """The client's side of `meshtest.reports.mutation.judge`, in a copy of the checkout; ends with the block.

    Raises:
        MutationError: its tests cannot be collected, or the first of them fails.
    """

    def __init__(self, root: Path = toolchain.ROOT) -> None:
        self._directory = tempfile.TemporaryDirectory(prefix="mutation-")
        copy = Path(self._directory.name).resolve()
        copy_committed(root, copy)
        for name in (".tools", ".venv"):
            if (root / name).exists():
                (copy / name).symlink_to(root / name)
        self._log = (copy / "judge.log").open("w+b")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "meshtest.reports.mutation.judge"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            cwd=copy,
            env={
                **surroundings.inherited(),
                toolchain.ROOT_VARIABLE: str(copy),
                "TERRAFORM": str(toolchain.terraform()),
            },
            text=True,
            start_new_session=True,
        )
        self._requests = cast("IO[str]", self._process.stdin)
        self._answers = cast("IO[str]", self._process.stdout)
        failed = self._read()["failed"]
        if failed:
            self.close()
            raise MutationError(f"without any mutant these fail: {', '.join(failed)}")

    def __enter__(self) -> Judge:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def judge(self, mutant: Mutant, stacks: list[str]) -> Answer:
        """Run what concerns a mutant."""
        gated = scope.gated(mutant, stacks)
        return self._ask(mutant.texts, gated, scope.tiers(mutant, stacks))

    def check_suite(self) -> None:
        """Run every test that judges, without a mutant.

        Raises:
            MutationError: one fails, so that it would kill whatever it judges.
        """
        failed = self._ask({}, [], [[".*"]], goes_on=True)["killed_by"]
        if failed:
            raise MutationError(f"without any mutant these fail: {', '.join(failed)}")

    def close(self) -> None:
        """End it, and remove its checkout."""
        with contextlib.suppress(BrokenPipeError):
            self._requests.close()
        self._process.wait()
        self._log.close()
        self._directory.cleanup()

    def _ask(
        self, texts: Mapping[str, str], stacks: list[str], tiers: list[list[str]], *, goes_on: bool = False
    ) -> Answer:
        request = {"texts": dict(texts), "stacks": stacks, "tiers": tiers, "all": goes_on}
        with contextlib.suppress(BrokenPipeError):
            self._requests.write(json.dumps(request) + "\n")
            self._requests.flush()
        return self._read()

    def _read(self) -> Answer:
        line = self._answers.readline()
        answer: Answer = json.loads(line) if line else {"error": "it ended"}
        if "error" in answer:
            self._log.seek(0)
            said = self._log.read().decode(errors="replace").strip().splitlines()
            raise MutationError(
                f"a judge failed: {answer['error']}: {said[-1] if said else 'it said nothing'}"
            )
        return answer


# ─── Side by side ───


def judge_all(
    waiting: list[tuple[Mutant, list[str]]], cores: int, done: Callable[[Mutant, Answer], None]
) -> None:
    """Judge (mutant, stacks) on that many cores; `done` is called with each answer.

    Raises:
        MutationError: the suite is not green without a mutant, or a judge died.
    """
    todo: queue.SimpleQueue[tuple[Mutant, list[str]]] = queue.SimpleQueue()
    for entry in waiting:
        todo.put(entry)
    problems: list[BaseException] = []

    def work(checks_suite: bool) -> None:
        try:
            with Judge() as judge:
                if checks_suite:
                    judge.check_suite()
                while not problems:
                    mutant, stacks = todo.get_nowait()
                    done(mutant, judge.judge(mutant, stacks))
        except queue.Empty:
            return
        except BaseException as problem:
            problems.append(problem)

    threads = [
        threading.Thread(target=work, args=(position == 0,), daemon=True)
        for position in range(min(cores, len(waiting)))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if problems:
        raise problems[0]
