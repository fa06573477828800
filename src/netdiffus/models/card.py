"""The model card: README.md in a model's folder."""

from __future__ import annotations

from pathlib import Path

from netdiffus.models.manifest import ModelManifest
from netdiffus.models.options import RowOptions
from netdiffus.models.packet_codec import PacketCodec
from netdiffus.models.prompt_options import NONE, PromptOptions
from netdiffus.models.prompts.codec import PromptCodec
from netdiffus.privacy.ledger import Guarantee
from netdiffus.text import markdown
from netdiffus.traffic.payload.knowledge import PayloadKnowledge

VALUES = {
    True: "Every value of a trace occurs in the training traces, but for gaps, which lie between those that occurred.",
    False: "Values are drawn from the whole range that occurs in the training traces, seen or not.",
}
PRIVATE_VALUES = (
    "Values come from a public grid, and numbers of traces have noise: neither need occur in the training traces."
)
PAINTED = "Header bits are drawn; what no packet can be is mended, and the compiler's changes are counted."
PROMPTED = """## Privacy

model.json holds facts of up to 256 training flows of each label (packets, bytes, seconds, server port) and option
layouts; the weights are fitted to whole bit images between neutral hosts. No addresses, initial numbers, times of day
or payload are in the model. Nothing here is a formal privacy guarantee; the report of `netdiffus evaluate` gives the
share of exact copies beside that of real held-out traffic.
"""
PARTS = {
    False: "No addresses, ports, times of day or payload are in the model.",
    True: "Server ports, option layouts and gaps between flows are in it; addresses and times of day are not.",
}
HELD = {True: "the distinct values, and how often each label has them,", False: "the smallest and the largest value"}
COUNTED = {
    True: "; with them are smoothed counts of what each label has at each position, and in some models after what",
    False: "",
}


def breaks_said(manifest: ModelManifest) -> str:
    """How many gaps between flows a model of packets left out as breaks between recordings; empty where none."""
    count = manifest.arrival_breaks
    were = "gap between flows was" if count == 1 else "gaps between flows were"
    return f"{count:,} {were} left out: the recording broke off there, or its clock was set." if count else ""


def base_said(manifest: ModelManifest) -> str:
    """What a model of prompts stands on; empty of any other."""
    options, codec = manifest.options, manifest.codec
    if not isinstance(options, PromptOptions) or not isinstance(codec, PromptCodec):
        return ""
    lost = f"the autoencoder alone gets {codec.wrong:.3%} of the bits wrong"
    if options.base == NONE:
        return f"none; {lost}"
    return f"{Path(options.base).name} ({options.family}), hash {(options.base_hash or '')[:16]}; {lost}"


USE = """## Intended use

To train and to test classifiers, detectors and collectors where real labelled traffic is scarce, unbalanced or may not
be shared. Run `netdiffus evaluate` before use: it says how faithful and how useful the synthetic traffic is.

"""
REPEATS = """
  The same seed gives the same weights on the same machine with the same number of threads."""


def model_readme(manifest: ModelManifest, traces: int) -> str:
    """Data, intended use, limits and privacy of a model, in Markdown."""
    card, options, codec = manifest.card, manifest.options, manifest.codec
    channels = ", ".join(codec.channels)
    labels = "\n".join(f"| {markdown(label)} | {count} |" for label, count in card.labels.items())
    packets = isinstance(codec, PacketCodec) or isinstance(options, PromptOptions)
    what = f"flows of packets ({channels} of each)" if packets else f"labelled series of {channels}"
    values, privacy = _held(manifest)
    said = breaks_said(manifest)
    breaks = f"\n* {said}" if said else ""
    threads = "" if card.threads is None else f", {card.threads} thread{'s' if card.threads > 1 else ''}"
    repeats = "" if card.threads is None or card.privacy is not None else REPEATS
    unit = "packets a flow" if packets else "positions a trace"
    base = _base(manifest, options) if isinstance(options, PromptOptions) else ""
    suffers = "".join(f"* In the dataset {warning}.\n" for warning in card.warnings)
    private = card.privacy
    if private is not None:
        traces = sum(card.labels.values())
    of = "dataset not named" if private is not None else f"dataset {card.dataset[:16]}"
    return f"""# A netdiffus model

Draws synthetic network traffic: {what}, up to {codec.length} {unit}.

* Trained {card.steps} steps ({card.seconds:.0f} s on {card.device}{threads}) on {traces} traces, seed {card.seed},
  {of}, netdiffus {card.netdiffus}, torch {card.versions["torch"]}.{repeats}
* Image: {options.image}; preset: {options.preset}. All options and the fitted scales are in model.json.
{base}
    netdiffus generate MODEL --out synthetic.{"pcap" if packets else "parquet"} --count 1000

## Data

| label | training traces |
|---|---|
{labels}

{USE}## Limits

* It knows the labels above and no other, as they were where and when they were recorded.
* {values}
* Rare behaviour inside a label may be missing or too frequent.{breaks}
{suffers}
{privacy}"""


def _held(manifest: ModelManifest) -> tuple[str, str]:
    """What is said of the values that are drawn, and of what the model gives away."""
    if isinstance(manifest.options, PromptOptions):
        return PAINTED, PROMPTED
    if manifest.card.privacy is not None:
        return PRIVATE_VALUES, _guaranteed(manifest.card.privacy)
    return VALUES[isinstance(manifest.options, RowOptions)], _privacy(manifest)


def _base(manifest: ModelManifest, options: PromptOptions) -> str:
    """The lines of a card on what a model of prompts stands on."""
    said = f"* Base: {markdown(base_said(manifest))}.\n"
    if options.base == NONE:
        parts = ", U-Net and ControlNet" if options.control else " and U-Net"
        return f"{said}* Autoencoder, text encoder{parts} were trained here.\n"
    parts = f"adapters of rank {options.rank}" + (" and a ControlNet" if options.control else "")
    return (
        f"{said}* The base is not in this folder; here are {parts}. The licence of the base goes on to hold for them.\n"
    )


def payload_said(known: PayloadKnowledge | None) -> str:
    """What a model of packets holds of payload, and how to look at it."""
    if known is None:
        return "No payload is in it."
    kept = [
        f"{len(each):,} {one if len(each) == 1 else many}" for each, one, many in (
            ([shape for found in known.shapes for shape in found.shapes], "shape", "shapes"),
            (known.hellos, "layout of TLS hellos", "layouts of TLS hellos"),
        )
    ]  # fmt: skip
    return f"""Of payload it holds which protocols each label speaks, {kept[0]} of messages of
unknown protocols and {kept[1]}: values that at least {known.least_flows} flows of at least
{known.least_pairs} pairs of hosts share, and no others. They stand under `payload` in model.json: read them before you
hand the model on."""


def _privacy(manifest: ModelManifest) -> str:
    packets, has_alphabet = isinstance(manifest.codec, PacketCodec), isinstance(manifest.options, RowOptions)
    payload = f" {payload_said(manifest.card.payload)}" if packets else ""
    attack = attack_said(manifest)
    said = f"{attack}\n" if attack else ""
    return f"""## Privacy

model.json holds {HELD[has_alphabet]} of each channel of the training traces,
and the weights are fitted to whole traces{COUNTED[has_alphabet]}. {PARTS[packets]}{payload}
{said}Nothing here is a formal privacy guarantee; the report of `netdiffus evaluate` gives the share of exact copies
beside that of real held-out traffic.
"""


def attack_said(manifest: ModelManifest) -> str:
    """What a membership attack on the weights finds; empty where none was measured."""
    attack = manifest.card.attack
    if attack is None:
        return ""
    return (
        f"A membership attack by likelihood on {attack['traces']:,.0f} draws each of training and held-out traces has "
        f"an AUC of {attack['auc']:.3f} (0.5: it cannot tell them)."
    )


def _guaranteed(private: Guarantee) -> str:
    rows = "\n".join(
        f"| {entry.name} | {entry.mechanism} | {entry.cells:,} by {entry.sensitivity:,} | {entry.sigma:.4g} "
        f"| {entry.share:.0%} |"
        for entry in private.entries
    )
    public = "" if private.public is None else f"\nThe training began from public traces: {markdown(private.public)}.\n"
    return f"""## Privacy

{private.sentence}
{public}
| counted | noise | counts that one {private.unit} changes at most | standard deviation | share of the budget |
|---|---|---|---|---|
{rows}

The numbers of traces above are noisy counts. One that holds several units (a host with many flows, say) is protected
by the epsilon of a unit times their number. docs/privacy.md says what the guarantee covers and what it does not.
"""
