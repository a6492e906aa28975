"""The toolkit that proves the domain: Terraform, an embedded AWS and the rules, from Python."""

__version__ = "1.0.0"
