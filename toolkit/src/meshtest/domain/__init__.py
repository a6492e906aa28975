"""The domain as a whole: its inputs, its projects and environments, and how it runs on this machine."""
