"""What the presets of `train` cost, in words."""

COSTS = {
    "default": "The one to begin with: 10 minutes on two cores are enough for most sets.",
    "tiny": "A quarter of the size, for trying things out: a minute or two.",
    "netdiffus": "The published U-Net on images of 128 pixels: seconds a step on a CPU, so hours; better on a GPU.",
    "netdiffus2": "The published U-Net on images of 10 pixels: the first 10 packets; tens of minutes on a CPU.",
}
"""By name; what a preset is stands in its options."""
