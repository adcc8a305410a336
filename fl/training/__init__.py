"""Local training of many clients as one computation, and client by client."""
