"""Detection in pictures and videos."""
