"""Event intake: what PostHog's SDKs send, made durable (api X)."""
