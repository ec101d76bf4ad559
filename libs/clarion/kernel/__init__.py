"""What everything else stands on: errors, days, identifiers and seeds. Standard library only."""
