"""The payment gateways: the sandbox and Stripe."""
