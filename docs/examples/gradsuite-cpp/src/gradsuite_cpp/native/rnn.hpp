// The cell: h_t = phi(W_ih x_t + b_ih + W_hh h_(t-1) + b_hh), and backpropagation through time.
// Arrays are flat, in the order of their shapes: inputs (T, B, I), the states of one layer (T, B, H).
#pragma once

#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "frame.hpp"
#include "head.hpp"
#include "linear.hpp"

struct Model {
    std::size_t I, H, O, layers;
    std::string activation, readout, loss;

    std::size_t columns(std::size_t layer) const { return layer == 0 ? I : H; }
    std::size_t width() const { return readout == "none" ? H : O; }
};

template <class Real>
Real activate(const std::string& activation, Real z) {
    if (activation == "tanh") return std::tanh(z);
    if (activation == "relu") return z < 0 ? 0 : z;  // NaN stays NaN
    return z;
}

// dL/dz, from h = phi(z) and dL/dh
template <class Real>
Real pull_activation(const std::string& activation, Real h, Real dh) {
    if (activation == "tanh") return dh * (1 - h * h);
    if (activation == "relu") return h <= 0 ? 0 : dh;
    return dh;
}

// Parameters by name, or their gradients.
template <class Real>
struct Parameters {
    std::map<std::string, std::vector<Real>> values;
    std::map<std::string, std::vector<std::size_t>> shapes;

    explicit Parameters(const Arrays& arrays) {
        for (const auto& [name, array] : arrays) {
            values[name] = numbers<Real>(arrays, name);
            shapes[name] = array.shape;
        }
    }

    Real* of(const std::string& name, std::size_t layer) { return values.at(name + "_l" + std::to_string(layer)).data(); }
    const Real* of(const std::string& name, std::size_t layer) const {
        return values.at(name + "_l" + std::to_string(layer)).data();
    }
    Real* readout(const std::string& name) { return values.at("readout." + name).data(); }
    const Real* readout(const std::string& name) const { return values.at("readout." + name).data(); }

    Parameters zeros() const {
        Parameters found = *this;
        for (auto& [name, value] : found.values) value.assign(value.size(), 0);
        return found;
    }
};

template <class Real>
struct Batch {
    std::size_t T, B;
    std::vector<Real> inputs, targets;
    std::vector<std::int64_t> classes;

    Batch(const Model& model, const Arrays& arrays) : inputs(numbers<Real>(arrays, "inputs")) {
        T = arrays.at("inputs").shape.at(0);
        B = arrays.at("inputs").shape.at(1);
        if (model.loss == "cross_entropy") classes = numbers<std::int64_t>(arrays, "targets");
        else targets = numbers<Real>(arrays, "targets");
    }
};

// One forward pass, and what its backward pass needs: it keeps the parameters that it was computed with.
template <class Real>
class Pass {
public:
    Pass(const Model& model, std::shared_ptr<const Parameters<Real>> parameters, std::shared_ptr<const Batch<Real>> batch)
        : m(model), p(parameters), batch(batch), T(batch->T), B(batch->B) {
        for (std::size_t layer = 0; layer < m.layers; ++layer) run_layer(layer);
        read_out();
    }

    Arrays results() const {
        std::vector<std::size_t> shape = {B, m.width()};
        if (m.readout == "all") shape.insert(shape.begin(), T);
        return {{"loss", array_of<Real>({loss_value}, {})}, {"outputs", array_of(y, shape)}};
    }

    // Gradients by name, with dL/dh (T, layers, B, H) as `states` if asked for.
    Arrays backward(bool with_states) const {
        Parameters<Real> d = p->zeros();
        std::vector<Real> states(T * m.layers * B * m.H), dh = pull_readout(d);
        for (std::size_t layer = m.layers; layer-- > 0;) dh = pull_layer(layer, dh, d, states);
        Arrays found;
        for (const auto& [name, value] : d.values) found[name] = array_of(value, d.shapes.at(name));
        if (with_states) found["states"] = array_of(states, {T, m.layers, B, m.H});
        return found;
    }

private:
    const Model m;
    const std::shared_ptr<const Parameters<Real>> p;
    const std::shared_ptr<const Batch<Real>> batch;
    const std::size_t T, B;
    std::vector<std::vector<Real>> h;  // of each layer, (T, B, H)
    std::vector<Real> y, dy;           // outputs, and dL/dy
    Real loss_value = 0;

    // What `layer` reads at time t of sequence b.
    const Real* below(std::size_t layer, std::size_t t, std::size_t b) const {
        return layer == 0 ? &batch->inputs[(t * B + b) * m.I] : &h[layer - 1][(t * B + b) * m.H];
    }

    void run_layer(std::size_t layer) {
        h.emplace_back(T * B * m.H);
        const std::vector<Real> start(m.H, 0);
        for (std::size_t t = 0; t < T; ++t)
            for (std::size_t b = 0; b < B; ++b) {
                Real* now = &h[layer][(t * B + b) * m.H];
                const Real* before = t == 0 ? start.data() : &h[layer][((t - 1) * B + b) * m.H];
                apply(p->of("weight_ih", layer), below(layer, t, b), now, m.H, m.columns(layer));
                apply(p->of("weight_hh", layer), before, now, m.H, m.H);
                add(p->of("bias_ih", layer), now, m.H);
                add(p->of("bias_hh", layer), now, m.H);
                for (std::size_t k = 0; k < m.H; ++k) now[k] = activate(m.activation, now[k]);
            }
    }

    // Takes dL/dh of this layer by what is above it, (T, B, H); adds the later steps, and returns dL/d(what it reads).
    std::vector<Real> pull_layer(std::size_t layer, const std::vector<Real>& from_above, Parameters<Real>& d,
                                 std::vector<Real>& states) const {
        std::vector<Real> dx(T * B * m.columns(layer)), later(B * m.H), dz(m.H);
        const std::vector<Real> start(m.H, 0);
        for (std::size_t t = T; t-- > 0;)
            for (std::size_t b = 0; b < B; ++b) {
                Real* total = &states[((t * m.layers + layer) * B + b) * m.H];
                const Real* now = &h[layer][(t * B + b) * m.H];
                const Real* before = t == 0 ? start.data() : &h[layer][((t - 1) * B + b) * m.H];
                for (std::size_t k = 0; k < m.H; ++k) {
                    total[k] = from_above[(t * B + b) * m.H + k] + later[b * m.H + k];
                    dz[k] = pull_activation(m.activation, now[k], total[k]);
                    later[b * m.H + k] = 0;
                }
                outer(dz.data(), below(layer, t, b), d.of("weight_ih", layer), m.H, m.columns(layer));
                outer(dz.data(), before, d.of("weight_hh", layer), m.H, m.H);
                add(dz.data(), d.of("bias_ih", layer), m.H);
                add(dz.data(), d.of("bias_hh", layer), m.H);
                pull(p->of("weight_ih", layer), dz.data(), &dx[(t * B + b) * m.columns(layer)], m.H, m.columns(layer));
                pull(p->of("weight_hh", layer), dz.data(), &later[b * m.H], m.H, m.H);
            }
        return dx;
    }

    // The first of the rows (T, B) of the top layer's states that outputs are read from: all of them, or the last B.
    std::size_t first_row() const { return m.readout == "all" ? 0 : (T - 1) * B; }

    void read_out() {
        const std::size_t rows = T * B - first_row();
        const Real* top = &h.back()[first_row() * m.H];
        y.assign(top, top + rows * m.H);
        if (m.readout != "none") {
            y.assign(rows * m.O, 0);
            for (std::size_t row = 0; row < rows; ++row) {
                apply(p->readout("weight"), top + row * m.H, &y[row * m.O], m.O, m.H);
                add(p->readout("bias"), &y[row * m.O], m.O);
            }
        }
        dy.resize(y.size());
        loss_value = loss(m.loss, y, batch->targets, batch->classes, rows, dy);
    }

    // Returns dL/dh of the top layer by the outputs, (T, B, H).
    std::vector<Real> pull_readout(Parameters<Real>& d) const {
        std::vector<Real> dh(T * B * m.H);
        const std::size_t rows = T * B - first_row();
        if (m.readout == "none") std::copy(dy.begin(), dy.end(), dh.begin() + first_row() * m.H);
        else
            for (std::size_t row = 0; row < rows; ++row) {
                const Real* from = &dy[row * m.O];
                outer(from, &h.back()[(first_row() + row) * m.H], d.readout("weight"), m.O, m.H);
                add(from, d.readout("bias"), m.O);
                pull(p->readout("weight"), from, &dh[(first_row() + row) * m.H], m.O, m.H);
            }
        return dh;
    }
};
