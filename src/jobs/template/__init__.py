"""Records of a source: as received, refined, and their totals by day."""
