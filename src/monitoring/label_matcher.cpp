#include "monitoring/label_matcher.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "data/parquet_file.h"
#include "data/table.h"
#include "monitoring/prediction_archive.h"
#include "monitoring/segment_file.h"
#include "monitoring/segment_reader.h"

namespace tenure::monitoring {
namespace {

constexpr core::Micros kHour = 3600LL * core::kMicrosPerSecond;
constexpr std::size_t kFilesAtOnce = 64;

/// Of two labels for one prediction the one that counts.
bool is_later(const OutcomeLabel& a, const OutcomeLabel& b) {
  return std::pair(a.time, a.id) > std::pair(b.time, b.id);
}

}  // namespace

LabelMatcher::LabelMatcher(std::span<const OutcomeLabel> labels, core::Micros horizon)
    : horizon_(horizon) {
  bool has_customer = false;
  for (const OutcomeLabel& label : labels) {
    if (!label.prediction_id.empty()) {
      const OutcomeLabel*& kept = by_prediction_[label.prediction_id];
      if (kept == nullptr || is_later(label, *kept)) kept = &label;
      const auto hour = hour_of_id(label.prediction_id);
      is_any_hour_ |= !hour.has_value();
      if (hour) hours_.insert({*hour, *hour + kHour});  // made before, predicted after the turn
      continue;
    }
    by_customer_[{label.model, label.entity_id}].push_back(&label);
    const core::Micros begin = label.time - horizon_;
    earliest_ = has_customer ? std::min(earliest_, begin) : begin;
    latest_ = has_customer ? std::max(latest_, label.time) : label.time;
    has_customer = true;
  }
}

const OutcomeLabel* LabelMatcher::label_of(const Candidate& candidate) const {
  const OutcomeLabel* found = nullptr;
  const auto named = by_prediction_.find(candidate.prediction_id);
  if (named != by_prediction_.end() && named->second->model == candidate.model)
    found = named->second;
  if (candidate.entity_id.empty()) return found;
  const auto customer = by_customer_.find({candidate.model, candidate.entity_id});
  if (customer == by_customer_.end()) return found;
  for (const OutcomeLabel* const label : customer->second) {
    const bool is_about = candidate.time <= label->time && candidate.time >= label->time - horizon_;
    if (is_about && (found == nullptr || is_later(*label, *found))) found = label;
  }
  return found;
}

void LabelMatcher::offer(const Candidate& candidate) {
  const OutcomeLabel* const label = label_of(candidate);
  if (label == nullptr) return;
  matched_.insert(label->id);
  const std::string_view subject =
      candidate.entity_id.empty() ? candidate.prediction_id : candidate.entity_id;
  JoinedOutcome& outcome =
      found_[{std::string(candidate.model), candidate.version, std::string(subject)}];
  if (!outcome.subject.empty() && outcome.predicted > candidate.time) return;
  outcome = {.model = std::string(candidate.model),
             .version = candidate.version,
             .subject = std::string(subject),
             .prediction_id = std::string(candidate.prediction_id),
             .variant = std::string(candidate.variant),
             .is_shadow = candidate.is_shadow,
             .predicted = candidate.time,
             .probability = candidate.probability,
             .has_happened = label->has_happened,
             .label_time = label->time,
             .label_id = label->id};
}

std::vector<JoinedOutcome> LabelMatcher::found() const {
  std::vector<JoinedOutcome> list;
  list.reserve(found_.size());
  for (const auto& [key, outcome] : found_) list.push_back(outcome);
  return list;
}

core::Result<> LabelMatcher::read_log(const std::filesystem::path& folder, data::Engine* engine) {
  std::set<std::uint64_t> numbers;
  core::Result<> segments = read_segments(folder, numbers);
  if (engine == nullptr) return segments;
  auto archive = read_archive(folder, numbers, *engine);
  return archive ? segments : archive;
}

/// `numbers`: those that were read, whose Parquet files do not count.
core::Result<> LabelMatcher::read_segments(const std::filesystem::path& folder,
                                           std::set<std::uint64_t>& numbers) {
  const auto segments = list_segments(folder);
  if (!segments) return segments.error();
  core::Result<> result;
  for (const SegmentName& segment : *segments) {
    const bool is_last = &segment == &segments->back();
    const auto read = read_segment(segment, is_last ? SegmentEnd::kMayGrow : SegmentEnd::kClosed,
                                   [this](const LoggedPrediction& event) {
                                     if (event.level == serving::Level::kPrimary)
                                       offer({.prediction_id = event.prediction_id,
                                              .entity_id = event.entity_id,
                                              .model = event.model,
                                              .variant = event.variant,
                                              .version = event.version,
                                              .time = event.time,
                                              .probability = static_cast<double>(event.probability),
                                              .is_shadow = event.is_shadow});
                                     return true;
                                   });
    // Gone: it was archived since it was listed.
    if (!read && read.error().code == core::ErrorCode::kNotFound) continue;
    numbers.insert(segment.number);
    if (!read && result) result = read.error();
  }
  return result;
}

bool LabelMatcher::can_matter(core::Micros hour) const {
  if (is_any_hour_ || hours_.contains(hour)) return true;
  return !by_customer_.empty() && hour + kHour >= earliest_ && hour <= latest_;
}

core::Result<> LabelMatcher::make_wanted_tables(data::Engine& engine) const {
  std::vector<std::string> ids, models, customers;
  for (const auto& [id, label] : by_prediction_) ids.emplace_back(id);
  for (const auto& [key, labels] : by_customer_) {
    models.emplace_back(key.first);
    customers.emplace_back(key.second);
  }
  auto made = engine.create_table("wanted_ids",
                                  data::Table{.columns = {data::Column::of_texts("id", ids)}});
  if (!made) return made;
  return engine.create_table(
      "wanted_customers", data::Table{.columns = {data::Column::of_texts("model", models),
                                                  data::Column::of_texts("customer", customers)}});
}

core::Result<> LabelMatcher::read_archive(const std::filesystem::path& folder,
                                          const std::set<std::uint64_t>& read,
                                          data::Engine& engine) {
  const auto files = list_archive(folder);
  if (!files) return files.error();
  std::vector<std::filesystem::path> wanted;
  for (const ArchiveFile& file : *files)
    if (!read.contains(file.segment) && can_matter(file.hour)) wanted.push_back(file.path);
  if (wanted.empty()) return {};
  if (auto made = make_wanted_tables(engine); !made) return made;
  for (std::size_t begin = 0; begin < wanted.size(); begin += kFilesAtOnce) {
    std::string list;
    for (std::size_t i = begin; i < std::min(begin + kFilesAtOnce, wanted.size()); ++i) {
      std::error_code error;
      if (!std::filesystem::exists(wanted[i], error)) continue;  // retention was faster
      list += (list.empty() ? "" : ", ") + data::quote_path(wanted[i]);
    }
    if (list.empty()) continue;
    auto rows = engine.query(fmt::format(
        "SELECT prediction_id, time, entity_id, model, variant, version, probability, is_shadow "
        "FROM read_parquet([{}], hive_partitioning=false, union_by_name=true) WHERE level = "
        "'primary' AND (prediction_id IN (SELECT id FROM wanted_ids) OR (model, entity_id) IN "
        "(SELECT (model, customer) FROM wanted_customers))",
        list));
    if (!rows) return std::move(rows).error();
    offer_rows(*rows);
  }
  return {};
}

void LabelMatcher::offer_rows(const data::Table& rows) {
  const auto text = [&](std::size_t column, std::size_t row) {
    const data::Column& values = rows.columns[column];
    return values.is_null(row) ? std::string_view() : values.text(row);
  };
  for (std::size_t row = 0; row < rows.row_count(); ++row)
    offer({.prediction_id = text(0, row),
           .entity_id = text(2, row),
           .model = text(3, row),
           .variant = text(4, row),
           .version = static_cast<std::int64_t>(rows.columns[5].number(row)),
           .time = std::get<std::vector<std::int64_t>>(rows.columns[1].values)[row],
           .probability = rows.columns[6].number(row),
           .is_shadow = rows.columns[7].number(row) != 0});
}

}  // namespace tenure::monitoring
