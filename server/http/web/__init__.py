"""The pages for people: sign-in, what waits, and the decision."""
