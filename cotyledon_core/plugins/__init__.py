"""The contracts that plugin authors implement, and their loading."""
