#pragma once

#include <span>

#include "core/json.h"
#include "data/table.h"
#include "learn/transform.h"

namespace tenure::learn {

/// Sketches of the training rows that drift is measured against: reference.json of a model package
/// (docs/formats/reference.md). Per input the missing values, and deciles, range, mean and
/// deviation of a number or the counts of a category; and the same of the scores. `inputs` are
/// columns of `table`; `scores` are the out-of-fold probabilities of its rows (those of rows a
/// model has seen would be too sure of themselves), empty if there are none.
core::Json make_reference(std::span<const InputField> inputs, const data::Table& table,
                          std::span<const double> scores);

}  // namespace tenure::learn
