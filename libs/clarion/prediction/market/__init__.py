"""Where the shop stands in its market: prices, goods, competitors, and early warnings."""
