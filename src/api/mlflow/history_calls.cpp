#include <algorithm>
#include <span>
#include <string_view>
#include <vector>

#include "api/mlflow/entity_json.h"
#include "api/mlflow/field_reader.h"
#include "api/mlflow/tracking_calls.h"

namespace tenure::api::mlflow {
namespace {

using core::Result;

/// Number, time and step of a value, with the names of all members.
constexpr std::size_t kPointBytes = 96;

void append_points(std::string& out, const PointText& text,
                   std::span<const tracking::MetricPoint> points, bool& is_first) {
  for (const tracking::MetricPoint& point : points) {
    if (!is_first) out += ',';
    is_first = false;
    text.append(out, point);
  }
}

enum class WhenEmpty : std::uint8_t { kEmptyList, kNoList };

/// {"metrics": [...]}
Result<> append_series(Result<std::vector<tracking::RunSeries>> series, std::string_view key,
                       WhenEmpty when_empty, std::string& out) {
  if (!series) return std::move(series).error();
  ObjectText body(out);
  const bool has_points = std::ranges::any_of(
      *series, [](const tracking::RunSeries& of_run) { return !of_run.points.empty(); });
  if (!has_points && when_empty == WhenEmpty::kNoList) {
    body.end();
    return {};
  }
  body.key("metrics") += '[';
  bool is_first = true;
  for (const tracking::RunSeries& of_run : *series) {
    const PointText text(key, of_run.run_id);
    out.reserve(out.size() +
                of_run.points.size() * (kPointBytes + key.size() + of_run.run_id.size()));
    append_points(out, text, of_run.points, is_first);
  }
  out += ']';
  body.end();
  return {};
}

/// Steps between two bounds, of which a request gives both or none.
Result<std::optional<tracking::StepRange>> read_range(FieldReader& in) {
  const auto begin = in.integer("start_step");
  const auto end = in.integer("end_step");
  if (in.has_failed()) return in.error();
  if (begin.has_value() != end.has_value()) {
    return core::Error{core::ErrorCode::kInvalidArgument,
                       "If either start step or end step are specified, both must be specified."};
  }
  if (!begin) return std::optional<tracking::StepRange>();
  return std::optional(tracking::StepRange{*begin, *end});
}

}  // namespace

Result<> get_history(const MlflowServices& services, const net::Request& request,
                     std::string& out) {
  FieldReader in(Message::read(request));
  const std::string run_id = in.required_run_id();
  const std::string key = in.required_text("metric_key");
  const auto max_results = in.integer("max_results");
  const std::string page_token = in.text("page_token");
  if (in.has_failed()) return in.error();
  auto page = tracking::metric_history(services.database, run_id, key, max_results, page_token);
  if (!page) return std::move(page).error();
  out.reserve(page->points.size() * (kPointBytes + key.size()));
  ObjectText body(out);
  if (!page->points.empty()) {
    body.key("metrics") += '[';
    bool is_first = true;
    append_points(out, PointText(key), page->points, is_first);
    out += ']';
  }
  body.text_if_any("next_page_token", page->next_page_token);
  body.end();
  return {};
}

Result<> get_bulk_history(const MlflowServices& services, const net::Request& request,
                          std::string& out) {
  constexpr std::int64_t kDefaultMax = 25'000;
  FieldReader in(Message::read(request, {"run_id"}));
  const auto run_ids = in.texts("run_id");
  const std::string key = in.text("metric_key");
  const std::int64_t max_results = in.integer("max_results").value_or(kDefaultMax);
  if (in.has_failed()) return in.error();
  return append_series(tracking::bulk_metric_history(services.database, run_ids, key, max_results),
                       key, WhenEmpty::kEmptyList, out);
}

Result<> get_sampled_history(const MlflowServices& services, const net::Request& request,
                             std::string& out) {
  constexpr std::int64_t kDefaultMax = 2500;
  FieldReader in(Message::read(request, {"run_ids"}));
  in.require("run_ids");
  const auto run_ids = in.texts("run_ids");
  const std::string key = in.required_text("metric_key");
  const std::int64_t max_results = in.integer("max_results").value_or(kDefaultMax);
  auto range = read_range(in);
  if (!range) return std::move(range).error();
  return append_series(
      tracking::sampled_metric_history(services.database, run_ids, key, *range, max_results), key,
      WhenEmpty::kNoList, out);
}

}  // namespace tenure::api::mlflow
