"""Run Terraform: the wheel's library as a command, and the working copy in which stacks run."""
