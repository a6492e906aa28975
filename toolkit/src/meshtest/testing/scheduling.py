"""Which tests run side by side."""

from __future__ import annotations

from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

from meshtest.domain import backends
from meshtest.domain.backends import Ability
from meshtest.testing.plugin import LIVE


class ByFile(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """Files side by side; the live probes of a folder share one domain, and so one worker."""

    def __init__(self, config: pytest.Config, log: Any) -> None:
        super().__init__(config, log)
        config.option.loadscopereorder = False  # the order is that of the items
        self._is_shared = Ability.SEVERAL_DOMAINS not in backends.selected().abilities

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        if LIVE not in file:
            return file
        # Below a folder of the live probes lie those of a project, on the same domain.
        folder = file.partition(LIVE)[2].rpartition("/")[0].partition("/")[0]
        return LIVE if self._is_shared else LIVE + folder
