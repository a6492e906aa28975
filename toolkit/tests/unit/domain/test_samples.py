"""A sample is in its own folders alone: `make remove-project` leaves nothing of it."""

from __future__ import annotations

import re
import subprocess

from meshtest.domain import projects
from meshtest.domain.domain import ABOUT
from meshtest.tools import toolchain

# A sample tells where its data is from; what `make new-project` makes has no such page.
SAMPLES = [page.parent.name for page in (toolchain.ROOT / "samples").glob(f"*/{ABOUT}")]
HISTORY = ("CHANGELOG.md", "docs/adr/", "docs/images/")


def test_nothing_outside_its_own_folders_names_a_sample():
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, capture_output=True, check=True, cwd=toolchain.ROOT, text=True).stdout
    own = [f"{part}/" for name in SAMPLES for part in projects.every_part(name)]
    others = [name for name in listed.split("\0") if name and not name.startswith((*own, *HISTORY))]
    texts = {
        name: name + (toolchain.ROOT / name).read_text(encoding="utf-8", errors="replace")
        for name in others
        if (toolchain.ROOT / name).is_file()
    }
    found = {
        (sample, name)
        for sample in SAMPLES
        for name, text in texts.items()
        if re.search(rf"(?<![A-Za-z0-9]){re.escape(sample)}(?![A-Za-z0-9])", text)
    }
    assert found == set()
