"""What a customer will spend: expected purchases, and the expected value of one."""
