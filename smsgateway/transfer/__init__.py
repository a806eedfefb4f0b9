"""Programme files: people in and out of the service as four CSV files, and looked up in them without a database."""
