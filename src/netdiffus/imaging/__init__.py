"""Traces as images and back: scales, Gramian Angular Summation Fields, and the codec that joins them."""
