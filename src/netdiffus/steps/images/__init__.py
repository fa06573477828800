"""Folders of images: of GASF, and of bits; made of traces and packets, and turned back."""
