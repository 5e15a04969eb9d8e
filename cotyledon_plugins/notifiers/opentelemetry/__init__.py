"""Parts of the notifier ``opentelemetry``; loaded where it works, as the SDK is heavy."""
