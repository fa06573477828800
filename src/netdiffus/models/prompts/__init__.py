"""Models of packet images that text steers: Stable Diffusion with adapters, or a small latent diffusion of our own."""
