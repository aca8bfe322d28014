#include "api/mlflow/entity_json.h"
#include "api/mlflow/field_reader.h"
#include "api/mlflow/search_fields.h"
#include "api/mlflow/tracking_calls.h"

namespace tenure::api::mlflow {
namespace {

using core::Result;

/// A metric's value with key, time, step and run.
constexpr std::size_t kPointBytes = 128;

Result<> append_run_metrics(Result<std::vector<tracking::RunMetric>> metrics, std::string& out) {
  if (!metrics) return std::move(metrics).error();
  out.reserve(metrics->size() * kPointBytes);
  ObjectText body(out);
  body.list_if_any("metrics", *metrics, append_run_metric);
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
  out.reserve(page->items.size() * kPointBytes);
  append_page(out, "metrics", *page, append_metric);
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
  return append_run_metrics(
      tracking::bulk_metric_history(services.database, run_ids, key, max_results), out);
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
  return append_run_metrics(
      tracking::sampled_metric_history(services.database, run_ids, key, *range, max_results), out);
}

}  // namespace tenure::api::mlflow
