"""The row-token denoiser: shapes, priors, limits, labels; and that row sums are diffused as their images are."""

import pytest
import torch
from netdiffus.diffusion.charts import Chart, GasfChart, SeriesChart
from netdiffus.diffusion.components import fit_mixtures
from netdiffus.diffusion.rows import Block, RowDenoiser, draw_classes, short_softmax

from netdiffus.diffusion import edm
from netdiffus.diffusion.samplers import SAMPLERS
from netdiffus.imaging.codec import STEP

CENTRES = [torch.tensor([-2.0, -0.5, 0.0, 1.5]), torch.tensor([-1.0, 1.0])]
LABELS = 3


def fresh(chart: Chart, patch: int = 1, **options) -> RowDenoiser:
    torch.manual_seed(0)
    label = torch.arange(LABELS).repeat(40)
    classes = torch.stack([torch.randint(len(z), (120, 7)) for z in CENTRES], dim=1)
    return RowDenoiser(
        CENTRES,
        fit_mixtures(classes, label, LABELS, CENTRES, torch.arange(120) % 2)[0],
        7,
        chart,
        width=16,
        depth=2,
        heads=2,
        patch=patch,
        **options,
    ).eval()


def trained(chart: Chart, patch: int = 1, **options) -> RowDenoiser:
    """Nothing is zero, as after training."""
    made = fresh(chart, patch, **options)
    for parameter in made.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    return made


@pytest.fixture(params=[SeriesChart(), GasfChart(7, STEP)], ids=["series", "gasf"])
def chart(request) -> Chart:
    return request.param


def drawn(count: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(3)
    return torch.stack([torch.randint(len(z), (count, 7), generator=generator) for z in CENTRES], dim=1)


def test_the_short_softmax_is_the_softmax() -> None:
    scores = 8 * torch.randn(3, 2, 5, 10, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(short_softmax(scores), scores.softmax(dim=-1), atol=1e-6)
    assert torch.equal(short_softmax(torch.tensor([1e4, -1e4, -1e4])).round(), torch.tensor([1.0, 0, 0]))
    assert torch.equal(short_softmax(torch.full((4,), -1e4)), torch.full((4,), 0.25))


@pytest.mark.parametrize("patch", [1, 3])
def test_shape_label_and_noise_level_matter(chart, patch) -> None:
    network = trained(chart, patch)
    observation = chart.observe(network.series(drawn(4)))
    sigma, label = torch.full((4,), 0.3), torch.zeros(4, dtype=torch.int64)
    logits = network(observation, sigma, label)
    assert [part.shape for part in logits] == [(4, 7, 4), (4, 7, 2)]
    assert network.expected(logits).shape == observation.shape
    for other in (network(observation, sigma, label + 1), network(observation, 2 * sigma, label)):
        assert not torch.allclose(logits[0].softmax(-1), other[0].softmax(-1))


def test_without_noise_the_classes_are_known(chart) -> None:
    classes = drawn(50)
    network = trained(chart)
    clean = chart.observe(network.series(classes))
    logits = network(clean, torch.full((50,), 0.01 * chart.noise_gain), torch.zeros(50, dtype=torch.int64))
    assert torch.equal(draw_classes(logits, torch.Generator().manual_seed(0)), classes)
    assert (network.expected(logits) - clean).abs().max() < 1e-3


def test_a_fresh_network_draws_from_the_mixture(chart) -> None:
    """Under noise that hides all: the values of the label and position, as often as they are, whatever is observed."""
    network = fresh(chart)
    label = torch.tensor([1])
    logits = network(torch.zeros(1, 2, 7), torch.full((1,), 1e4 * chart.noise_gain), label)
    mine = slice(*network.mixture.get_buffer("ends")[1:3].tolist())
    for k, part in enumerate(logits):
        weight = network.mixture.log_weight[mine].exp()[:, None, None]
        wanted = (weight * network.mixture.get_buffer(f"table{k}")[mine]).sum(dim=0)
        assert (part.softmax(-1)[0] - wanted).abs().max() < 1e-3


def test_in_training_a_trace_sees_the_mixture_that_did_not_count_it() -> None:
    label, fold = torch.arange(LABELS).repeat(40), torch.arange(120) % 2
    classes = drawn(120)
    network = fresh(SeriesChart())
    network.crossed = fit_mixtures(classes, label, LABELS, CENTRES, fold)[1]
    hidden = torch.zeros(2, 2, 7), torch.full((2,), 1e4)
    plain = network(*hidden, torch.tensor([1, 1]))
    first, second = network.train()(*hidden, torch.tensor([1, 1 + LABELS]))[0]
    assert not torch.allclose(first, second)
    assert torch.equal(*network.eval()(*hidden, torch.tensor([1, 1]))[0])
    assert torch.equal(plain[0], network(*hidden, torch.tensor([1, 1]))[0])


def ending(chart: Chart) -> tuple[RowDenoiser, torch.Tensor]:
    """A fresh network of traces of every length, the first channel's last class being absence, and those traces."""
    classes = drawn(120)
    classes[:, 0] = torch.where(torch.arange(7) < 1 + torch.arange(120)[:, None] % 7, classes[:, 0] % 3, 3)
    label = torch.arange(LABELS).repeat(40)
    mixture = fit_mixtures(classes, label, LABELS, CENTRES, torch.arange(120) % 2, (True, False))[0]
    return RowDenoiser(CENTRES, mixture, 7, chart, width=16, depth=2, heads=2, patch=1).eval(), classes


def test_the_network_is_told_how_near_the_end_is(chart) -> None:
    network, classes = ending(chart)
    seen: list[torch.Tensor] = []
    network.place.register_forward_hook(lambda _, args, out: seen.append(args[0]))
    observation = chart.observe(network.series(classes))
    network(observation, torch.full((120,), 0.01 * chart.noise_gain), torch.zeros(120, dtype=torch.int64))
    length = (classes[:, 0] != 3).sum(dim=1)[:, None]
    left = length - 1 - torch.arange(7)  # positions after this one
    known = torch.stack([left == t for t in range(4)] + [left >= 4], dim=-1)
    short = length[:, 0] < 7
    assert short.sum() > 80
    torch.testing.assert_close(seen[0][short], known[short].float(), atol=1e-3, rtol=0)
    assert (seen[0][~short] - torch.eye(5)[4]).abs().max() < 1e-3, "a trace that fills all positions may go on"


def test_what_comes_before_and_after_matters_by_its_distance() -> None:
    torch.manual_seed(0)
    block = Block(16, 2, 6)
    for parameter in block.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    tokens, condition = torch.randn(1, 6, 16), torch.randn(1, 16)
    whole = block(tokens, condition)
    swapped = block(tokens[:, [1, 0, 2, 3, 4, 5]], condition)
    assert not torch.allclose(whole[:, 3], swapped[:, 3]), "the bias tells one distance from another"
    for parameter in (block.before, block.after, block.far):
        torch.nn.init.zeros_(parameter)
    whole, swapped = block(tokens, condition), block(tokens[:, [1, 0, 2, 3, 4, 5]], condition)
    torch.testing.assert_close(whole[:, 3], swapped[:, 3])


def test_classes_are_drawn_by_their_logits() -> None:
    probabilities = torch.tensor([0.6, 0.3, 0.1])
    logits = probabilities.log().expand(1, 100_000, 3)
    shares = torch.bincount(draw_classes((logits,), torch.Generator().manual_seed(0)).flatten()) / 100_000
    assert (shares - probabilities).abs().max() < 0.01


def test_bfloat16_answers_nearly_the_same(chart) -> None:
    observation, sigma = chart.observe(trained(chart).series(drawn(4))), torch.full((4,), 0.5 * chart.noise_gain)
    label = torch.zeros(4, dtype=torch.int64)
    whole, half = (trained(chart, half=half)(observation, sigma, label) for half in (False, True))
    assert (whole[0].softmax(-1) - half[0].softmax(-1)).abs().max() < 0.05
    assert half[0].dtype == torch.float32


@pytest.mark.parametrize("components", [1, None])
def test_sampling_begins_with_a_single_component_under_noise(chart, components) -> None:
    network, label = fresh(chart), torch.zeros(6000, dtype=torch.int64)
    classes = drawn(40)
    known = classes, label[:40], 1, CENTRES, torch.arange(40) % 2
    network.mixture = fit_mixtures(*known, most=components)[0]
    start = chart.observe(network.series(network.mixture.sample(label, torch.Generator().manual_seed(5))))
    clean = network.first(torch.tensor(0.0), label, torch.Generator().manual_seed(5))
    assert torch.allclose(clean, start if components == 1 else torch.zeros_like(start))
    sigma = torch.tensor(2 * chart.noise_gain)
    added = (network.first(sigma, label, torch.Generator().manual_seed(5)) - clean).flatten(0, 1) / sigma
    own = chart.noise(torch.zeros(6000, 2, 7), torch.Generator().manual_seed(6)).flatten(0, 1)
    assert (added.T.cov() - own.T.cov()).abs().max() < 0.05 * own.var()


def test_where_one_component_knows_little_sampling_begins_earlier() -> None:
    network = fresh(SeriesChart())
    assert network.first_sigma == pytest.approx(20.0)
    network.mixture = fit_mixtures(
        drawn(12), torch.zeros(12, dtype=torch.int64), 1, CENTRES, torch.arange(12) % 2, most=1
    )[0]
    for length, wanted in ((7, 3.0), (40, 6.0), (1000, 20.0)):
        network.length = length
        assert network.first_sigma == pytest.approx(wanted)


def test_labels_outside_the_table_are_errors() -> None:
    with pytest.raises(IndexError):
        fresh(SeriesChart())(torch.randn(1, 2, 7), torch.ones(1), torch.tensor([LABELS]))


@pytest.mark.parametrize("name", ["heun", "dpm++2m", "ddim", "ancestral"])
def test_row_sums_are_diffused_as_their_images_are(name) -> None:
    """The same noise, drawn as images and as their row sums: whole images end where the row sums say."""
    chart = GasfChart(7, STEP)
    network = trained(chart).double()
    network.half_precision = False
    label, sigmas = torch.tensor([0, 1, 2, 0]), edm.sigmas(12)[:-1].double() * chart.noise_gain

    def denoised_rows(rows: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
        return network.expected(network(rows, sigma.expand(4), label))

    def denoised_image(image: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
        logits = network(image.sum(-1), sigma.expand(4), label)
        means = [part.softmax(-1) @ network.get_buffer(f"moment{k}").T for k, part in enumerate(logits)]
        s, c, diagonal = torch.stack(means, dim=1).unbind(-1)
        product = s[..., :, None] * c[..., None, :] + c[..., :, None] * s[..., None, :]
        here = torch.eye(7, dtype=torch.bool)
        return torch.where(here, torch.diag_embed(diagonal), product)

    like = torch.zeros(4, 2, 7, 7, dtype=torch.float64)
    draws = [chart.image_noise(like, torch.Generator().manual_seed(k)) for k in range(13)]
    noise = iter(draws)
    image = SAMPLERS[name](denoised_image, next(noise) * sigmas[0], sigmas, lambda x: next(noise))
    noise = iter(draws)
    rows = SAMPLERS[name](denoised_rows, next(noise).sum(-1) * sigmas[0], sigmas, lambda x: next(noise).sum(-1))
    assert (image.sum(-1) - rows).abs().max() < 1e-8
