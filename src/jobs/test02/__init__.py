"""Payments in many currencies: as received, refined, and their daily totals in euro."""
