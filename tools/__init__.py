"""The verbs, free of any transport: what an agent or a person can do."""
