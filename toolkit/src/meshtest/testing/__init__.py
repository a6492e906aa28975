"""What the tests of any domain share: pytest's plugin with its fixtures, and questions to a plan."""
