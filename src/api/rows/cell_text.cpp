#include "api/rows/cell_text.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <string>

#include "core/ascii_case.h"
#include "core/time_format.h"

namespace tenure::api {
namespace {

std::string_view trim(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  const std::size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

}  // namespace

std::optional<double> parse_double(std::string_view text) {
  double value = 0;
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (end != text.data() + text.size() || text.empty()) return std::nullopt;
  if (status == std::errc()) return value;
  // Out of range: from_chars does not say on which side. strtod gives zero or infinity.
  return std::strtod(std::string(text).c_str(), nullptr);
}

data::Cell parse_cell(const serving::ModelSnapshot& snapshot, std::size_t input,
                      std::string_view text, std::optional<TextMistake>& mistake) {
  const learn::InputField& field = snapshot.model.transform().inputs()[input];
  if (const std::vector<std::string>* markers = snapshot.null_markers[input]) {
    text = trim(text);
    if (std::ranges::find(*markers, text) != markers->end()) return data::Cell::null();
  }
  if (field.is_category()) return data::Cell::of(text);
  if (const auto value = parse_double(trim(text))) {
    if (std::isfinite(*value)) return data::Cell::of(*value);
    mistake = {"finite_number", "Input should be a finite number"};
    return data::Cell::null();
  }
  if (field.type == data::ColumnType::kBoolean) {
    if (core::equals_ignoring_case(text, "true")) return data::Cell::of(1.0);
    if (core::equals_ignoring_case(text, "false")) return data::Cell::of(0.0);
  }
  if (field.type == data::ColumnType::kTimestamp) {
    if (const auto time = core::parse_time(text)) return data::Cell::of(static_cast<double>(*time));
    mistake = {"datetime_parsing",
               "Input should be a valid datetime (ISO 8601) or microseconds since 1970"};
    return data::Cell::null();
  }
  mistake = {"float_parsing", "Input should be a valid number, unable to parse string as a number"};
  return data::Cell::null();
}

}  // namespace tenure::api
