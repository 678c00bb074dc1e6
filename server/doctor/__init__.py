"""What `gatepost doctor` looks at: each module gives findings, and what to do about them."""
