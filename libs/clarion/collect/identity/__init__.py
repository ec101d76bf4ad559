"""Who a customer is, and whether their data may be used for a purpose."""
