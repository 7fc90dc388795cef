"""The conformance kit: the gateway and the platform in one, playing against an institution by cases that are data."""
