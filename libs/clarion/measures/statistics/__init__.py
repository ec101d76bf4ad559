"""Statistics on numbers and arrays: no Spark, so that any program can use them."""
