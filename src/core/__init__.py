"""The library that every Glue job of the domain uses: one subject a module."""

from importlib import metadata


def version() -> str:
    """Return the version of the wheel that this runs from, as its archive says; it names the commit."""
    try:
        return metadata.version("core")
    except metadata.PackageNotFoundError:
        return "not packaged"
