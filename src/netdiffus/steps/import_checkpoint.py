"""import: a guided-diffusion checkpoint becomes a model folder that `generate` samples from."""

from __future__ import annotations

from pathlib import Path

from netdiffus.diffusion.unet_shape import UNetShape
from netdiffus.models.guided_diffusion import imported_readme, read_imported
from netdiffus.models.import_config import ImportConfig
from netdiffus.steps.train import versions
from netdiffus.store.account import sha256
from netdiffus.store.model import MODEL, write_model
from netdiffus.store.publish import check_folder


def import_checkpoint(checkpoint: Path, out: Path, config: ImportConfig) -> UNetShape:
    """Write the model folder of a checkpoint; returns the sizes that were read off it.

    Raises:
        InputError: it is no such checkpoint, or an option does not fit what is in it.
    """
    check_folder(out, MODEL, inputs=[checkpoint])
    found = read_imported(checkpoint, config, sha256(checkpoint), versions())
    write_model(out, found.manifest.card, found.weights, imported_readme(found.manifest, checkpoint.name))
    return found.shape
