"""What customers and sales will do next."""
