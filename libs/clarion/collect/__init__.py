"""From raw records to typed facts about resolved people."""
