#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <numbers>

#include "learn/tree_model.h"

namespace tenure::learn {

/// What Shapley values and interactions of trees are made of: how many training rows follow an
/// edge, and exact integrals of the polynomials along a path.

/// XGBoost's guards: a child that no training row reached, and a parent that none did.
inline constexpr double kShapShareMin = 1e-12;
inline constexpr double kShapShareUnknown = 0.5;

inline double share_of(const TreeNode& child, const TreeNode& parent) {
  if (parent.cover <= 0) return kShapShareUnknown;
  return std::max(child.cover / parent.cover, kShapShareMin);
}

template <std::size_t kPoints>
struct Quadrature {
  std::array<double, kPoints> node{};
  std::array<double, kPoints> weight{};
};

/// Gauss-Legendre on [0, 1]: roots of the Legendre polynomial by Newton's method from the usual
/// cosine estimate (Abramowitz and Stegun 25.4.30).
template <std::size_t kPoints>
Quadrature<kPoints> gauss_legendre() {
  Quadrature<kPoints> rule;
  const double n = kPoints;
  for (std::size_t i = 0; i < kPoints; ++i) {
    double x = std::cos(std::numbers::pi * (static_cast<double>(i) + 0.75) / (n + 0.5));
    double slope = 0;
    for (int step = 0; step < 100; ++step) {
      double before = 1, value = x;
      for (std::size_t k = 2; k <= kPoints; ++k) {
        const double order = static_cast<double>(k);
        const double next = ((2 * order - 1) * x * value - (order - 1) * before) / order;
        before = value;
        value = next;
      }
      slope = n * (x * value - before) / (x * x - 1);
      const double change = value / slope;
      x -= change;
      if (std::abs(change) < 1e-15) break;
    }
    rule.node[i] = (1 - x) / 2;
    rule.weight[i] = 1 / ((1 - x * x) * slope * slope);
  }
  return rule;
}

template <std::size_t kPoints>
const Quadrature<kPoints>& quadrature() {
  static const Quadrature<kPoints> rule = gauss_legendre<kPoints>();
  return rule;
}

}  // namespace tenure::learn
