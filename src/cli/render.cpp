#include "cli/render.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "core/terminal.h"

namespace tenure::cli {
namespace {

std::string number_text(double value, int digits) {
  if (!std::isfinite(value)) return "-";
  std::string text = fmt::format("{:.{}f}", value, digits);
  // 0.8500 reads better than 0.85 in a column, but 12.0000 is noise.
  if (std::abs(value) >= 1000 && std::abs(value) < 1e15) text = with_thousands(std::llround(value));
  return text;
}

std::string value_text(const core::Json& value, int digits) {
  switch (value.kind()) {
    case boost::json::kind::null:
      return "-";
    case boost::json::kind::bool_:
      return value.get_bool() ? "yes" : "no";
    case boost::json::kind::int64:
      return with_thousands(value.get_int64());
    case boost::json::kind::uint64:
      return std::to_string(value.get_uint64());
    case boost::json::kind::double_:
      return number_text(value.get_double(), digits);
    case boost::json::kind::string:
      return std::string(value.get_string());
    case boost::json::kind::array: {
      std::string text;
      for (const core::Json& item : value.get_array())
        text += (text.empty() ? "" : ", ") + value_text(item, digits);
      return text.empty() ? "-" : text;
    }
    case boost::json::kind::object:
      break;
  }
  return core::to_text(value);
}

bool is_numeric_column(const core::JsonArray& rows, std::string_view key) {
  return std::ranges::all_of(rows, [&](const core::Json& row) {
    const core::Json* value = row.as_object().if_contains(key);
    return value == nullptr || value->is_number() || value->is_null();
  });
}

}  // namespace

std::string with_thousands(std::int64_t number) {
  const std::string digits = std::to_string(number);
  std::string text;
  const std::size_t first = digits.front() == '-' ? 1 : 0;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i > first && (digits.size() - i) % 3 == 0) text += ',';
    text += digits[i];
  }
  return text;
}

std::string field(const core::JsonObject& object, std::string_view key, int digits) {
  const core::Json* value = object.if_contains(key);
  return value == nullptr ? "-" : value_text(*value, digits);
}

std::string field(const core::Json& object, std::string_view key, int digits) {
  const core::JsonObject* members = object.if_object();
  return members == nullptr ? "-" : field(*members, key, digits);
}

std::string count_of(const core::JsonObject& object, std::string_view key, std::string_view one) {
  const std::string count = field(object, key);
  return fmt::format("{} {}{}", count, one, count == "1" ? "" : "s");
}

std::string key_values(const std::vector<std::pair<std::string, std::string>>& rows) {
  std::size_t width = 0;
  for (const auto& [key, value] : rows) width = std::max(width, key.size());
  std::string text;
  for (const auto& [key, value] : rows) text += fmt::format("{:<{}}  {}\n", key, width, value);
  return text;
}

std::string table_of(const core::JsonArray& rows,
                     const std::vector<std::pair<std::string, std::string>>& columns) {
  std::vector<core::TextTable::Column> heads;
  for (const auto& [key, title] : columns)
    heads.push_back(
        {title, is_numeric_column(rows, key) ? core::Align::kRight : core::Align::kLeft, 80});
  core::TextTable table(std::move(heads));
  for (const core::Json& row : rows) {
    std::vector<std::string> cells;
    for (const auto& [key, title] : columns) cells.push_back(field(row, key));
    table.add_row(std::move(cells));
  }
  return table.text();
}

}  // namespace tenure::cli
