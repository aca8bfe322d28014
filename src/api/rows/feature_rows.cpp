#include "api/rows/feature_rows.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>

#include <fmt/format.h>

#include "api/rows/cell_text.h"
#include "core/nearest.h"

namespace tenure::api {
namespace {

using Kind = JsonReader::Kind;

constexpr std::string_view kNotANumber = "Input should be a valid number";
constexpr std::string_view kNotFinite = "Input should be a finite number";
constexpr std::string_view kNotAText = "Input should be a valid string";
constexpr std::string_view kNotAnObject =
    "Input should be a valid dictionary or object to extract fields from";
constexpr std::string_view kNotAList = "Input should be a valid list";

std::string_view text_between(const char* from, const char* to) {
  return {from, static_cast<std::size_t>(to - from)};
}

}  // namespace

void FeatureRows::begin(const serving::ModelSnapshot& snapshot, std::size_t rows_max,
                        UnknownNames unknown_names, ValidationErrors& errors) {
  snapshot_ = &snapshot;
  errors_ = &errors;
  rows_max_ = rows_max;
  width_ = snapshot.input_names.size();
  unknown_names_ = unknown_names;
  is_too_many_ = false;
  order_.resize(width_);
  std::iota(order_.begin(), order_.end(), 0U);
  cells_.clear();
  texts_.clear();
}

void FeatureRows::set_columns(std::span<const std::string_view> names, std::string_view member) {
  order_.clear();
  for (std::size_t i = 0; i < names.size(); ++i) {
    const std::uint32_t input = find_input(names[i], i);
    if (input == kNoInput) {
      add_unknown_name(names[i], {member, true, i}, {});
    } else if (std::ranges::find(order_, input) != order_.end()) {
      errors_->add("value_error", {member, i}, "Value error, this feature was given twice", {});
    }
    order_.push_back(input);
  }
}

std::span<data::Cell> FeatureRows::add_row() {
  cells_.resize(cells_.size() + width_);
  return std::span(cells_).last(width_);
}

std::uint32_t FeatureRows::find_input(std::string_view name, std::size_t expected) {
  // Clients mostly send features in one order, so the next one is tried before the index.
  if (expected < width_ && snapshot_->input_names[expected] == name)
    return static_cast<std::uint32_t>(expected);
  name_.assign(name);
  const auto found = snapshot_->input_index.find(name_);
  return found == snapshot_->input_index.end() ? kNoInput : found->second;
}

void FeatureRows::read_named_row(JsonReader& reader, Place place) {
  const std::span<data::Cell> row = add_row();
  const char* const from = reader.position();
  reader.open_object();
  std::string_view name;
  std::size_t expected = 0;
  while (reader.next_key(name)) {
    const std::uint32_t input = find_input(name, expected);
    if (input == kNoInput) {
      add_unknown_name(name, place, reader.skip());
      continue;
    }
    expected = input + 1;
    data::Cell& cell = row[input];
    if (cell.kind != data::Cell::Kind::kAbsent) {
      add_cell_error("value_error", place, name, "Value error, this feature was given twice",
                     reader.skip());
    } else {
      cell = read_cell(reader, input, place);
    }
  }
  texts_.push_back(text_between(from, reader.position()));
}

void FeatureRows::read_ordered_row(JsonReader& reader, Place place) {
  const std::span<data::Cell> row = add_row();
  const char* const from = reader.position();
  const std::size_t width = order_.size();
  std::size_t n = 0;
  reader.open_array();
  while (reader.next_item()) {
    if (n < width && order_[n] != kNoInput) {
      row[order_[n]] = read_cell(reader, order_[n], place);
    } else {
      reader.skip();
    }
    ++n;
  }
  texts_.push_back(text_between(from, reader.position()));
  if (n == width || reader.has_failed()) return;
  for (std::size_t i = n; i < width; ++i) {
    if (order_[i] != kNoInput) row[order_[i]] = data::Cell::null();  // one mistake
  }
  const bool is_short = n < width;
  errors_->add(is_short ? "too_short" : "too_long", {place.member, place.index},
               fmt::format("List should have at {} {} items after validation, not {}",
                           is_short ? "least" : "most", width, n),
               texts_.back(),
               fmt::format("{{\"field_type\":\"List\",\"{}_length\":{},\"actual_length\":{}}}",
                           is_short ? "min" : "max", width, n));
}

void FeatureRows::add_text_row(std::span<const std::string_view> texts,
                               bool (*is_missing)(std::string_view), Place place) {
  const std::span<data::Cell> row = add_row();
  texts_.emplace_back();
  if (texts.size() != order_.size()) {
    errors_->add("value_error", {place.member, place.index},
                 fmt::format("has {} cells, the header {}", texts.size(), order_.size()), {});
    std::ranges::fill(row, data::Cell::null());
    return;
  }
  for (std::size_t i = 0; i < texts.size(); ++i) {
    if (order_[i] == kNoInput) continue;
    row[order_[i]] =
        is_missing(texts[i]) ? data::Cell::null() : parse_text(texts[i], {}, order_[i], place);
  }
}

void FeatureRows::read_rows(JsonReader& reader, std::string_view member) {
  std::size_t n = 0;
  reader.open_array();
  while (reader.next_item()) {
    if (n == rows_max_) {
      is_too_many_ = true;
      return;
    }
    const Kind kind = reader.peek();
    if (kind == Kind::kObject) {
      read_named_row(reader, {member, true, n});
    } else if (kind == Kind::kArray) {
      read_ordered_row(reader, {member, true, n});
    } else {
      std::ranges::fill(add_row(), data::Cell::null());
      texts_.push_back(reader.skip());
      errors_->add("model_attributes_type", {member, n}, kNotAnObject, texts_.back());
    }
    ++n;
  }
  if (n == 0 && !reader.has_failed()) {
    errors_->add("too_short", {member}, "List should have at least 1 item after validation, not 0",
                 "[]", "{\"field_type\":\"List\",\"min_length\":1,\"actual_length\":0}");
  }
}

void FeatureRows::read_columns(JsonReader& reader, std::string_view member) {
  reader.open_object();
  std::string_view name;
  std::size_t expected = 0;
  bool is_first = true;
  while (!is_too_many_ && reader.next_key(name)) {
    const std::uint32_t input = find_input(name, expected);
    if (input == kNoInput) {
      add_unknown_name(name, {.member = member}, reader.skip());
      continue;
    }
    expected = input + 1;
    if (reader.peek() != Kind::kArray) {
      errors_->add("list_type", {member, name}, kNotAList, reader.skip());
      continue;
    }
    read_column(reader, input, name, is_first, member);
    is_first = false;
  }
  if (texts_.empty() && !reader.has_failed()) {
    errors_->add("too_short", {member}, "Columns should have at least 1 value", {});
  }
}

void FeatureRows::read_column(JsonReader& reader, std::uint32_t input, std::string_view name,
                              bool is_first, std::string_view member) {
  std::size_t n = 0;
  reader.open_array();
  while (reader.next_item()) {
    if (is_first && n == size()) {
      if (n == rows_max_) {
        is_too_many_ = true;
        return;
      }
      add_row();
      texts_.emplace_back();
    }
    if (n < size()) {
      data::Cell& cell = cells_[n * width_ + input];
      if (cell.kind != data::Cell::Kind::kAbsent) {
        add_cell_error("value_error", {member, true, n}, snapshot_->input_names[input],
                       "Value error, this feature was given twice", reader.skip());
      } else {
        cell = read_cell(reader, input, {member, true, n});
      }
    } else {
      reader.skip();
    }
    ++n;
  }
  if (n == size() || reader.has_failed()) return;
  errors_->add("value_error", {member, name},
               fmt::format("Value error, {} values for {} rows", n, size()), {});
}

data::Cell FeatureRows::read_cell(JsonReader& reader, std::size_t input, Place place) {
  const learn::InputField& field = snapshot_->model.transform().inputs()[input];
  const Kind kind = reader.peek();
  switch (kind) {
    case Kind::kNull:
      reader.skip();
      return data::Cell::null();
    case Kind::kNumber: {
      const std::string_view raw = reader.read_number();
      if (raw.empty()) return data::Cell::null();  // malformed: the reader has failed
      if (field.is_category() && raw.find_first_of(".eE") == std::string_view::npos)
        return data::Cell::of(raw);  // 100000 is the category "100000", not "1e+05"
      const double value = *parse_double(raw);
      if (std::isfinite(value)) return data::Cell::of(value);
      // Not echoed: a number no double holds is refused by JSON readers, ours among them.
      add_cell_error("finite_number", place, field.name, kNotFinite, {});
      return data::Cell::null();
    }
    case Kind::kText: {
      const char* const from = reader.position();
      const std::string_view text = reader.read_text();
      return parse_text(text, text_between(from, reader.position()), input, place);
    }
    case Kind::kTrue:
    case Kind::kFalse:
      if (!field.is_category()) {
        reader.skip();
        return data::Cell::of(kind == Kind::kTrue ? 1.0 : 0.0);
      }
      break;
    default:
      break;
  }
  const std::string_view raw = reader.skip();
  if (field.is_category()) {
    add_cell_error("string_type", place, field.name, kNotAText, raw);
  } else {
    add_cell_error("float_type", place, field.name, kNotANumber, raw);
  }
  return data::Cell::null();
}

data::Cell FeatureRows::parse_text(std::string_view text, std::string_view raw, std::size_t input,
                                   Place place) {
  std::optional<TextMistake> mistake;
  const data::Cell cell = parse_cell(*snapshot_, input, text, mistake);
  if (mistake)
    add_cell_error(mistake->type, place, snapshot_->input_names[input], mistake->message, raw);
  return cell;
}

void FeatureRows::add_cell_error(std::string_view type, Place place, std::string_view name,
                                 std::string_view message, std::string_view raw) {
  if (place.is_in_list) {
    errors_->add(type, {place.member, place.index, name}, message, raw);
  } else {
    errors_->add(type, {place.member, name}, message, raw);
  }
}

void FeatureRows::add_unknown_name(std::string_view name, Place place, std::string_view raw) {
  if (unknown_names_ == UnknownNames::kIgnored) return;
  std::string message = "Extra inputs are not permitted";
  if (errors_->count() < ValidationErrors::kErrorsMax) {
    std::vector<std::string> known(snapshot_->input_names.begin(), snapshot_->input_names.end());
    message += core::did_you_mean(name, known);
  }
  add_cell_error("extra_forbidden", place, name, message, raw);
}

void FeatureRows::require_all(std::string_view member, bool is_list) {
  for (std::size_t row = 0; row < size(); ++row) {
    for (std::size_t input = 0; input < width_; ++input) {
      if (cells_[row * width_ + input].kind != data::Cell::Kind::kAbsent) continue;
      add_cell_error("missing", {member, is_list, row}, snapshot_->input_names[input],
                     "Field required", texts_[row]);
    }
  }
}

}  // namespace tenure::api
