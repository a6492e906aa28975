"""What ships the domain: artifacts, the way from an empty AWS account, and what the workflows call."""
