"""What the audit shows: tables, explanations, a page, and test vectors for other languages."""
