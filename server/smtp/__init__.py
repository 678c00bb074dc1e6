"""Mail coming in over SMTP."""
