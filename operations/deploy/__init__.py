"""Deployments: the CDK, what a stack requires, settings, tables that were kept."""
