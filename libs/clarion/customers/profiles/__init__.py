"""What is known of each customer and product, as of any day."""
