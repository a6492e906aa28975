"""What the Glue jobs run: built, uploaded, told, and taken back to an older version.

``python -m meshtest.deploy.artifacts build|upload|deployed|rollback|sbom`` (--help tells the rest). A build
is one release: the ``core`` wheel, each project's scripts and modules, and a list of them with their digests.
Objects in the artifacts bucket, in the order in which an upload puts them::

    wheels/core-<version>-py3-none-any.whl       never overwritten
    wheels/core-<version>.gluewheels.zip         that wheel as Glue installs it, never overwritten
    releases/<version>/jobs/<project>/…          the same job files as below, never overwritten
    releases/<version>/release.json              the list: a version that has it is complete
    jobs/<project>/<job>.py                      the script of a Glue job
    jobs/<project>/<project>.zip                 the package jobs.<project>, imported by the scripts
    wheels/core-latest-py3-none-any.whl          a copy of the wheel in use
    wheels/core-latest.gluewheels.zip            what the jobs install; its version is the one in use; last

Every object carries the version, the commit and its own SHA-256 as metadata. A build needs build, setuptools
and wheel (requirements-build.lock), a bill of materials cyclonedx-bom (requirements-sbom.lock), else boto3.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from meshtest.tools import version

LATEST = "core-latest-py3-none-any.whl"
LATEST_KEY = f"wheels/{LATEST}"
# Glue installs wheels from an archive of them; in it the wheel keeps the name that pip asks of one.
# https://docs.aws.amazon.com/glue/latest/dg/aws-glue-programming-python-libraries.html
LATEST_ZIP = "core-latest.gluewheels.zip"
LATEST_ZIP_KEY = f"wheels/{LATEST_ZIP}"
LIST = "release.json"


class ArtifactsError(Exception):
    """A release cannot be built, uploaded, told or gone back to; the message says what to do."""


@dataclass(frozen=True)
class Release:
    """What a build made: its version, commit (empty if unknown), and SHA-256 in hex by object key."""

    version: str
    commit: str
    digests: dict[str, str]

    @property
    def is_commit(self) -> bool:
        """Whether it is exactly what was committed."""
        return version.Version(self.version, self.commit, 0).is_commit

    @property
    def wheel(self) -> str:
        """The key of the versioned wheel."""
        return f"wheels/core-{self.version}-py3-none-any.whl"

    @property
    def zip_of_wheels(self) -> str:
        """The key of the archive that Glue installs the wheel from."""
        return f"wheels/core-{self.version}.gluewheels.zip"

    @property
    def latest(self) -> dict[str, str]:
        """The keys of what is copied into use, each with that of its copy, in the order of copying."""
        return {self.wheel: LATEST_KEY, self.zip_of_wheels: LATEST_ZIP_KEY}

    @property
    def folder(self) -> str:
        """The prefix of what the bucket keeps of this release."""
        return f"releases/{self.version}/"

    @property
    def jobs(self) -> list[str]:
        """The keys of the job files."""
        return sorted(key for key in self.digests if key.startswith("jobs/"))

    def metadata(self, key: str) -> dict[str, str]:
        """The metadata of the object that holds the file of a key."""
        return {"commit": self.commit or "unknown", "sha256": self.digests[key], "version": self.version}

    def as_json(self) -> str:
        """The content of ``release.json``."""
        content = {"version": self.version, "commit": self.commit, "files": self.digests}
        return json.dumps(content, indent=2, sort_keys=True) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Release:
        """Read ``release.json``.

        Raises:
            ValueError, KeyError, TypeError: it is none.
        """
        content = json.loads(text)
        return cls(content["version"], content["commit"], dict(content["files"]))
