"""The toolkit that proves the domain: Terraform, an embedded AWS and the rules, from Python."""
