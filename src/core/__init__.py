"""The library that every Glue job of the domain uses: one subject a module."""

__version__ = "1.0.0"
