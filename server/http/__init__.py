"""HTTP: REST, the approval pages, and the application they share."""
