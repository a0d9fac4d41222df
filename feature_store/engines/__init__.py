"""Search engines past one machine: a bundle's vectors in BigQuery, or in a Vald cluster."""
