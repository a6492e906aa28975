"""What every other room builds on: this checkout, its programs, and the environment of what is started."""
