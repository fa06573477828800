"""The steps over many machines: the same work, spread by Ray (https://docs.ray.io); one machine needs none of it."""
