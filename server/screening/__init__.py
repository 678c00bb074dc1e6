"""Spam scanners beside us, and the settings for them."""
