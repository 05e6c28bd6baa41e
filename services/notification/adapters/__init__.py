"""The service's adapters to Amazon SES."""
