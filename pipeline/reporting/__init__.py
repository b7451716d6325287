"""From numbers to tables, figures, claims and one page; nothing here computes a result."""
