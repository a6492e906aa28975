"""The evidence report: what every control demands, where it holds, and what shows that it would notice."""
