"""The pages that people read, and their fenced blocks."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from meshtest.tools import toolchain

_BLOCK = re.compile(
    r"(?:^<!-- from: (?P<source>\S+) -->\n)?^```(?P<language>\w*)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
# The tables of Terraform's READMEs are generated, examples included.
PAGES = [*sorted(toolchain.ROOT.glob("*.md")), *sorted(toolchain.ROOT.glob("docs/**/*.md"))]


@dataclass(frozen=True)
class Block:
    """A fenced block of a page; `source` is the file that it says it is from."""

    page: str
    language: str
    text: str
    source: str

    def commands(self) -> list[str]:
        """One command a line, without comments and continuations."""
        lines = self.text.replace("\\\n", " ").splitlines()
        return [command for line in lines if (command := re.sub(r"(^|\s+)#.*", "", line).strip())]


def blocks(text: str, page: str) -> list[Block]:
    """All fenced blocks of a page's text."""
    return [
        Block(page, found["language"], found["text"], found["source"] or "")
        for found in _BLOCK.finditer(text)
    ]


def all_blocks() -> list[Block]:
    """All fenced blocks of all pages."""
    return [block for page in PAGES for block in blocks(page.read_text(), name(page))]


def is_elsewhere(text: str) -> bool:
    """Whether a text names a file of the toolkit, and the toolkit is a package here, tested elsewhere."""
    return "toolkit/" in text and not (toolchain.ROOT / "toolkit").is_dir()


def name(page: Path) -> str:
    """The page's path in the repository."""
    return page.relative_to(toolchain.ROOT).as_posix()
