#include "learn/reference.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/assert.h"

namespace tenure::learn {
namespace {

/// Categories beyond so many are counted together: an identifier that slipped in must not fill the
/// file.
constexpr std::size_t kCategoriesMax = 1000;

/// Quantile of ascending values, linear between neighbours (NumPy's default).
double quantile(const std::vector<double>& sorted, double share) {
  const double at = share * static_cast<double>(sorted.size() - 1);
  const auto low = static_cast<std::size_t>(at);
  const std::size_t high = std::min(low + 1, sorted.size() - 1);
  return sorted[low] + (at - static_cast<double>(low)) * (sorted[high] - sorted[low]);
}

/// Deciles, range and moments of numbers; bins between distinct deciles with their counts.
core::JsonObject sketch_numbers(std::vector<double> values) {
  core::JsonObject sketch;
  if (values.empty()) return sketch;
  std::sort(values.begin(), values.end());
  const auto count = static_cast<long double>(values.size());
  long double sum = 0, squares = 0;
  for (const double x : values) sum += x;
  const auto mean = static_cast<double>(sum / count);
  for (const double x : values) {
    const long double gap = static_cast<long double>(x) - mean;
    squares += gap * gap;
  }
  sketch["min"] = values.front();
  sketch["max"] = values.back();
  sketch["mean"] = mean;
  sketch["sd"] = static_cast<double>(std::sqrt(squares / count));

  core::JsonArray deciles, bins;
  auto counted = values.begin();
  for (int tenth = 1; tenth <= 10; ++tenth) {
    const double edge = tenth == 10 ? values.back() : quantile(values, tenth / 10.0);
    if (tenth < 10) deciles.emplace_back(edge);
    const auto end = std::upper_bound(counted, values.end(), edge);
    if (end == counted) continue;  // the decile repeats: its values are in the bin before
    bins.emplace_back(core::JsonObject{{"upper", edge}, {"count", end - counted}});
    counted = end;
  }
  sketch["deciles"] = std::move(deciles);
  sketch["bins"] = std::move(bins);
  return sketch;
}

core::JsonObject sketch_number_column(const data::Column& column) {
  std::vector<double> values;
  values.reserve(column.size());
  for (std::size_t row = 0; row < column.size(); ++row)
    if (const double x = column.number(row); std::isfinite(x)) values.push_back(x);
  const auto nulls = static_cast<std::int64_t>(column.size() - values.size());
  core::JsonObject sketch = sketch_numbers(std::move(values));
  sketch["nulls"] = nulls;
  return sketch;
}

core::JsonObject sketch_category_column(const data::Column& column) {
  std::map<std::string, std::int64_t> counts;
  std::int64_t nulls = 0;
  if (const auto* texts = std::get_if<data::TextValues>(&column.values)) {
    std::vector<std::int64_t> of_code(texts->dictionary.size());
    for (std::size_t row = 0; row < column.size(); ++row)
      if (column.is_null(row))
        ++nulls;
      else
        ++of_code[texts->codes[row]];
    for (std::size_t code = 0; code < of_code.size(); ++code)
      if (of_code[code] > 0) counts[texts->dictionary[code]] += of_code[code];
  } else {
    for (std::size_t row = 0; row < column.size(); ++row)
      if (column.is_null(row))
        ++nulls;
      else
        ++counts[column.display(row)];
  }
  std::vector<std::pair<std::string, std::int64_t>> order(counts.begin(), counts.end());
  std::stable_sort(order.begin(), order.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  std::int64_t other = 0;
  core::JsonArray categories;
  for (std::size_t i = 0; i < order.size(); ++i) {
    if (i < kCategoriesMax)
      categories.emplace_back(
          core::JsonObject{{"value", order[i].first}, {"count", order[i].second}});
    else
      other += order[i].second;
  }
  return {{"nulls", nulls},
          {"distinct", static_cast<std::int64_t>(order.size())},
          {"categories", std::move(categories)},
          {"other", other}};
}

}  // namespace

core::Json make_reference(std::span<const InputField> inputs, const data::Table& table,
                          std::span<const double> scores) {
  core::JsonArray columns;
  for (const InputField& input : inputs) {
    const data::Column* column = table.find(input.name);
    TENURE_ASSERT(column != nullptr);
    const bool is_number = !input.is_category() && column->type != data::ColumnType::kText;
    core::JsonObject entry{{"name", input.name},
                           {"type", std::string(data::column_type_name(input.type))}};
    for (auto& member : is_number ? sketch_number_column(*column) : sketch_category_column(*column))
      entry[member.key()] = member.value();
    columns.emplace_back(std::move(entry));
  }
  core::JsonObject score_sketch = sketch_numbers({scores.begin(), scores.end()});
  score_sketch["count"] = static_cast<std::int64_t>(scores.size());
  return core::JsonObject{{"format", "tenure.reference"},
                          {"version", 1},
                          {"rows", static_cast<std::int64_t>(table.row_count())},
                          {"columns", std::move(columns)},
                          {"scores", std::move(score_sketch)}};
}

}  // namespace tenure::learn
