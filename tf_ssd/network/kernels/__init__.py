"""Faster ways to compute what a layer computes, on a CPU."""
