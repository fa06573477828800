"""The diffusion model: formulation, denoiser, samplers, and the loop that fits it. Arrays in, arrays out."""
