"""The cost by formula, against counts made by hand for the workload W1, an LSTM of 320 units as in rnn_benchmarks."""

from gradsuite.measuring.cost import Product, flops, numbers, products
from gradsuite.model import Model


def test_lstm_of_320_units():
    # LSTM 1x320, T=100, B=64, I=125, 10 classes. Forward 2 T B 4H (I + H); the weight gradients cost the same again,
    # and the way back through W_hh 2 T B 4H H; the readout 3 products of 2 B H O.
    T, B, I, H, O = 100, 64, 125, 320, 10  # noqa: E741
    by_hand = 2 * T * B * 4 * H * (2 * (I + H) + H) + 3 * 2 * B * H * O
    model = Model("lstm", I, H, O, loss="cross_entropy")
    assert flops(model, (T, B, I)) == by_hand


def test_mlp_needs_no_gradient_of_its_inputs():
    model = Model("mlp", 3, 5, 2, num_layers=2)
    assert products(model, (7, 3)) == [
        Product(7, 3, 5),
        Product(5, 7, 3),
        Product(7, 5, 5),
        Product(5, 7, 5),
        Product(7, 5, 5),
        Product(7, 5, 2),
        Product(2, 7, 5),
        Product(7, 2, 5),
    ]


def test_readout_of_every_state_is_read_out_at_every_step():
    last, every = (Model("rnn", 2, 4, 3, readout=readout) for readout in ("last", "all"))
    T, B = 6, 5
    readout = 3 * 2 * B * 4 * 3
    assert flops(every, (T, B, 2)) - flops(last, (T, B, 2)) == (T - 1) * readout


def test_numbers_count_each_matrix_once():
    assert Product(2, 3, 4, times=5).numbers == 5 * (6 + 12 + 8)
    model = Model("mlp", 3, 5, readout="none")
    assert numbers(model, (7, 3)) == 2 * (7 * 3 + 3 * 5 + 7 * 5)
