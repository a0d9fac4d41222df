"""Two bundles side by side: what changed in their answers, why, and which of them is better."""
