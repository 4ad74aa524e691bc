// The three products of a linear layer y = W x, for one x. W is (rows, columns), row by row.
#pragma once

#include <cstddef>

// y += W x
template <class Real>
void apply(const Real* W, const Real* x, Real* y, std::size_t rows, std::size_t columns) {
    for (std::size_t j = 0; j < rows; ++j) {
        Real sum = 0;
        for (std::size_t i = 0; i < columns; ++i) sum += W[j * columns + i] * x[i];
        y[j] += sum;
    }
}

// dx += W^T dy
template <class Real>
void pull(const Real* W, const Real* dy, Real* dx, std::size_t rows, std::size_t columns) {
    for (std::size_t j = 0; j < rows; ++j)
        for (std::size_t i = 0; i < columns; ++i) dx[i] += W[j * columns + i] * dy[j];
}

// dW += dy x^T
template <class Real>
void outer(const Real* dy, const Real* x, Real* dW, std::size_t rows, std::size_t columns) {
    for (std::size_t j = 0; j < rows; ++j)
        for (std::size_t i = 0; i < columns; ++i) dW[j * columns + i] += dy[j] * x[i];
}

// y += x
template <class Real>
void add(const Real* x, Real* y, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) y[i] += x[i];
}
