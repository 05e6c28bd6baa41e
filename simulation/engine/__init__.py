"""A deterministic simulator of Lambda, DynamoDB, SQS, EventBridge, Step Functions and SES for boto3 code."""
