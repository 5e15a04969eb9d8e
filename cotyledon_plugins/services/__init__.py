"""Services (namespace ``cotyledon.services``)."""
