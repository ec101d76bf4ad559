"""What is said of customers in a word: tags by rule, tags that explain groups, and what goes with what."""
