"""Spark as AWS Glue has it, on this machine."""
