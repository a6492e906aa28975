"""Input for the domain's pipelines: generated, with the numbers that the pipelines must come to."""
