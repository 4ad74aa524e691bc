// What stands on top of the last layer: the readout y = W h + b, and the losses.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

// Returns the loss of outputs y (rows, width), the mean over rows, and writes dL/dy.
template <class Real>
Real loss(const std::string& name, const std::vector<Real>& y, const std::vector<Real>& targets,
          const std::vector<std::int64_t>& classes, std::size_t rows, std::vector<Real>& dy) {
    const std::size_t width = y.size() / rows;
    Real total = 0;
    if (name == "mse") {  // the mean over every element
        for (std::size_t k = 0; k < y.size(); ++k) {
            const Real missed = y[k] - targets[k];
            total += missed * missed;
            dy[k] = 2 * missed / y.size();
        }
        return total / y.size();
    }
    if (name == "inner_product") {
        for (std::size_t k = 0; k < y.size(); ++k) {
            total += y[k] * targets[k];
            dy[k] = targets[k] / rows;
        }
        return total / rows;
    }
    for (std::size_t row = 0; row < rows; ++row) {  // cross_entropy: log sum exp(y) - y[class]
        const Real* logits = &y[row * width];
        const Real largest = *std::max_element(logits, logits + width);  // so that exp does not overflow
        Real sum = 0;
        for (std::size_t k = 0; k < width; ++k) sum += std::exp(logits[k] - largest);
        total += std::log(sum) + (largest - logits[classes[row]]);
        for (std::size_t k = 0; k < width; ++k) {
            const Real probability = std::exp(logits[k] - largest) / sum;
            dy[row * width + k] = (probability - (static_cast<std::int64_t>(k) == classes[row])) / rows;
        }
    }
    return total / rows;
}
