"""Who a customer is, and what may be done with what is known of them."""
