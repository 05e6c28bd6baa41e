"""Stand-ins for Stripe and EasyPost, over HTTP."""
