"""A small storage service: as much of the Wellcome Collection's as neighbours see of it, for tests and the demo.

Its manifests lie in the table and the bucket of the real one's design, on any server that speaks DynamoDB and S3; its
ingests live in memory. Written from the description of the service alone, and shares no code with Bagfill's own state
machine or manifests, so that either finds the other's faults.
"""
