"""The service's DynamoDB items."""
