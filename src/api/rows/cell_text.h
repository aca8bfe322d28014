#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "data/cell.h"
#include "serving/predictor.h"

namespace tenure::api {

/// What is wrong with a text given for a feature, in FastAPI's words; static texts.
struct TextMistake {
  std::string_view type;
  std::string_view message;
};

/// Reads a text as a value of one input, as the training table was read: blanks around it cut off
/// and null markers missing where the input comes from a cleaned table; categories as they are;
/// numbers as decimals, times as ISO 8601, booleans as true and false in any case. On a mistake
/// returns null and sets `mistake`. The cell's text is part of `text`.
data::Cell parse_cell(const serving::ModelSnapshot& snapshot, std::size_t input,
                      std::string_view text, std::optional<TextMistake>& mistake);

/// The nearest double to a decimal number; infinite when there is none. Nothing for other text.
std::optional<double> parse_double(std::string_view text);

}  // namespace tenure::api
