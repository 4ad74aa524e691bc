"""What sequences of several lengths cost in one batch: ignored, masked or packed, and sorted into buckets."""
