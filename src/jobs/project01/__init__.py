"""The ECB's euro foreign exchange reference rates: as received, refined, and curated by month."""
