"""What people read: mutation, evidence, permissions, the console and the catalogue of data products."""
