#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace tenure::core {

/// Edits that turn `a` into `b`: insert, delete or replace a byte, or swap two neighbours (optimal
/// string alignment). O(|a| |b|).
std::size_t edit_distance(std::string_view a, std::string_view b);

/// The candidate a person most likely meant by `word`: least edit distance, letter case ignored,
/// first among equals. Empty when there are no candidates or even the best shares too little with
/// `word` to be a typing mistake (more than a third of its letters, at least two, would change).
std::string_view nearest(std::string_view word, std::span<const std::string> candidates);

/// " (did you mean 'x'?)" for the end of an error message, or "" when nothing is near.
std::string did_you_mean(std::string_view word, std::span<const std::string> candidates);

}  // namespace tenure::core
