#include "serving/warm_up.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <span>
#include <string>

#include <fmt/format.h>

#include "core/json.h"
#include "core/metric.h"
#include "core/random.h"

namespace tenure::serving {
namespace {

constexpr std::uint64_t kSeed = 7;
constexpr double kMadeUpMax = 100;

/// A number of a JSON object, if it has one of that name.
std::optional<double> number_of(const core::JsonObject& object, std::string_view name) {
  const auto* const value = object.if_contains(name);
  if (value == nullptr || !value->is_number()) return std::nullopt;
  return value->to_number<double>();
}

/// One input's values as the training rows had them.
class InputSource {
 public:
  InputSource(const learn::InputField& field, std::span<const std::string> categories,
              const core::JsonObject* column, double rows)
      : is_category_(field.is_category()) {
    if (column != nullptr) {
      if (const auto nulls = number_of(*column, "nulls"); nulls && rows > 0)
        null_share_ = *nulls / rows;
      if (const auto low = number_of(*column, "min")) edges_.push_back(*low);
      if (const auto* const deciles = column->if_contains("deciles");
          deciles && deciles->is_array())
        for (const core::Json& edge : deciles->get_array())
          if (edge.is_number()) edges_.push_back(edge.to_number<double>());
      if (const auto high = number_of(*column, "max")) edges_.push_back(*high);
      if (const auto* const list = column->if_contains("categories"); list && list->is_array())
        for (const core::Json& entry : list->get_array()) read_category(entry);
    }
    if (edges_.size() < 2) edges_ = {0, kMadeUpMax};
    if (texts_.empty())
      for (const std::string& category : categories) add_category(category, 1);
    is_whole_ = field.type == data::ColumnType::kInteger ||
                field.type == data::ColumnType::kTimestamp ||
                field.type == data::ColumnType::kBoolean;
    if (field.type == data::ColumnType::kBoolean) edges_ = {0, 1};
  }

  data::Cell draw(core::Random& random) const {
    if (random.bernoulli(null_share_)) return data::Cell::null();
    if (is_category_) {
      if (texts_.empty()) return data::Cell::of(std::string_view("?"));
      const double point = random.uniform() * ends_.back();
      const auto found = std::ranges::upper_bound(ends_, point);
      const auto at =
          std::min<std::size_t>(static_cast<std::size_t>(found - ends_.begin()), texts_.size() - 1);
      return data::Cell::of(std::string_view(texts_[at]));
    }
    const std::size_t part = random.below(edges_.size() - 1);
    const double value = edges_[part] + random.uniform() * (edges_[part + 1] - edges_[part]);
    return data::Cell::of(is_whole_ ? std::round(value) : value);
  }

 private:
  void read_category(const core::Json& entry) {
    if (!entry.is_object()) return;
    const auto& object = entry.get_object();
    const auto* const value = object.if_contains("value");
    if (value != nullptr && value->is_string())
      add_category(std::string(value->get_string()), number_of(object, "count").value_or(1));
  }
  void add_category(std::string text, double count) {
    texts_.push_back(std::move(text));
    ends_.push_back((ends_.empty() ? 0 : ends_.back()) + std::max(count, 0.0));
  }

  bool is_category_ = false, is_whole_ = false;
  double null_share_ = 0;
  std::vector<double> edges_;  ///< between two neighbours lie equally many rows
  std::vector<std::string> texts_;
  std::vector<double> ends_;  ///< counts summed up
};

std::vector<InputSource> sources_of(const ModelSnapshot& snapshot) {
  const learn::Transform& transform = snapshot.model.transform();
  const core::JsonObject* reference =
      snapshot.reference.is_object() ? &snapshot.reference.get_object() : nullptr;
  const core::Json* columns = reference ? reference->if_contains("columns") : nullptr;
  const double rows = reference ? number_of(*reference, "rows").value_or(0) : 0;
  std::vector<InputSource> sources;
  for (std::size_t i = 0; i < transform.inputs().size(); ++i) {
    const core::JsonObject* column = nullptr;
    if (columns != nullptr && columns->is_array() && i < columns->get_array().size() &&
        columns->get_array()[i].is_object())
      column = &columns->get_array()[i].get_object();
    const learn::InputField& field = transform.inputs()[i];
    std::vector<std::string> categories;
    if (field.is_category())
      for (const std::string& category : transform.categories(i)) categories.push_back(category);
    sources.emplace_back(field, categories, column, rows);
  }
  return sources;
}

/// The scores of a version for the same rows, by the path that requests take.
std::vector<Prediction> predict(const core::Clock& clock, const ModelSnapshot& snapshot,
                                std::span<const PredictRow> rows) {
  core::MetricRegistry metrics;  // these are no predictions of anybody
  Predictor predictor({.clock = clock, .metrics = metrics});
  Predictor::Scratch scratch;
  std::vector<Prediction> predictions(rows.size());
  // In pieces, as requests come.
  constexpr std::size_t kPiece = 16;
  for (std::size_t i = 0; i < rows.size(); i += kPiece) {
    const std::size_t count = std::min(kPiece, rows.size() - i);
    predictor.predict(snapshot, rows.subspan(i, count), scratch,
                      std::span(predictions).subspan(i, count));
  }
  return predictions;
}

}  // namespace

core::Result<WarmUp> warm_up(const core::Clock& clock, const ModelSnapshot& next,
                             const ModelSnapshot* live, std::size_t count) {
  WarmUp report{.rows = count, .version = next.version, .against = live ? live->version : 0};
  if (count == 0) return report;
  const std::int64_t start_ns = clock.monotonic_ns();
  const std::vector<InputSource> sources = sources_of(next);
  const std::size_t width = sources.size();
  core::Random random(kSeed);
  std::vector<data::Cell> cells;
  cells.reserve(count * width);
  for (std::size_t row = 0; row < count; ++row)
    for (const InputSource& source : sources) cells.push_back(source.draw(random));
  std::vector<PredictRow> rows(count);
  for (std::size_t row = 0; row < count; ++row)
    rows[row].given = std::span<const data::Cell>(cells).subspan(row * width, width);
  const std::vector<Prediction> scores = predict(clock, next, rows);
  const auto unusable = static_cast<std::size_t>(std::ranges::count_if(
      scores, [](const Prediction& one) { return one.level != Level::kPrimary; }));
  if (unusable * 2 > count)
    return core::Error{core::ErrorCode::kCorruption,
                       fmt::format("{} version {}: {} of {} scores of the warm-up are no finite "
                                   "numbers",
                                   next.name, next.version, unusable, count)};
  if (live != nullptr) {
    // The live version reads the same values by name; what only it knows is missing.
    const std::size_t live_width = live->input_names.size();
    std::vector<data::Cell> live_cells(count * live_width, data::Cell::null());
    for (std::size_t j = 0; j < width; ++j) {
      const auto known = live->input_index.find(std::string(next.input_names[j]));
      if (known == live->input_index.end()) continue;
      for (std::size_t row = 0; row < count; ++row)
        live_cells[row * live_width + known->second] = cells[row * width + j];
    }
    for (std::size_t row = 0; row < count; ++row)
      rows[row].given =
          std::span<const data::Cell>(live_cells).subspan(row * live_width, live_width);
    const std::vector<Prediction> before = predict(clock, *live, rows);
    for (std::size_t row = 0; row < count; ++row) {
      const double shift = std::abs(static_cast<double>(scores[row].probability) -
                                    static_cast<double>(before[row].probability));
      report.shift_mean += shift / static_cast<double>(count);
      report.shift_max = std::max(report.shift_max, shift);
    }
  }
  report.duration = (clock.monotonic_ns() - start_ns) / 1000;
  return report;
}

}  // namespace tenure::serving
