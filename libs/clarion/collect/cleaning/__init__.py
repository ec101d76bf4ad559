"""From records to facts: typed, standardised, and either accepted or quarantined with reasons."""
