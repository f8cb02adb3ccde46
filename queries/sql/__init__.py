"""The vocabulary all compilers share: fragments, events, actors, buckets, properties, operators, maths."""
