#include "api/mlflow/graphql/root_fields.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "api/mlflow/field_reader.h"
#include "api/mlflow/graphql/entities.h"
#include "tracking/metric_history.h"
#include "tracking/search/searches.h"

namespace tenure::api::mlflow::graphql {
namespace {

using core::Json;
using core::JsonArray;
using core::JsonObject;
using core::Result;

FieldReader input_of(const Field& root) {
  return FieldReader(Message(root.arguments).object("input"));
}

/// The field by which `root` asks for runs, or none: then no part of them is read.
const Field* find(const Field& root, std::string_view name) {
  const auto found = std::find_if(root.fields.begin(), root.fields.end(),
                                  [&](const Field& field) { return field.name == name; });
  return found == root.fields.end() ? nullptr : &*found;
}

/// Fills the experiments of runs; each is read once.
Result<> add_experiments(const MlflowServices& services, const std::vector<tracking::Run>& runs,
                         JsonArray& types) {
  std::map<std::string, Json> known;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const std::string& id = runs[i].experiment_id;
    auto at = known.find(id);
    if (at == known.end()) {
      auto experiment = services.experiments.get(id);
      if (!experiment) return std::move(experiment).error();
      at = known.emplace(id, experiment_type(*experiment)).first;
    }
    types[i].get_object()["experiment"] = at->second;
  }
  return {};
}

/// `run_id IN ('…', …)`, of ids that cannot end their quotes.
std::string filter_of_runs(const std::vector<tracking::Run>& runs) {
  std::string list;
  for (const tracking::Run& run : runs) {
    if (run.id.find('\'') != std::string::npos) continue;
    list += fmt::format("{}'{}'", list.empty() ? "" : ", ", run.id);
  }
  return list.empty() ? list : fmt::format("run_id IN ({})", list);
}

/// Fills the model versions that runs made, by one search for all of them.
Result<> add_model_versions(const MlflowServices& services, const std::vector<tracking::Run>& runs,
                            JsonArray& types) {
  constexpr std::int64_t kVersionsMax = 10'000;
  std::map<std::string, JsonArray> by_run;
  if (const std::string filter = filter_of_runs(runs); !filter.empty()) {
    auto versions = tracking::search_model_versions(
        services.database,
        {.filter = filter, .order_by = {}, .max_results = kVersionsMax, .page_token = {}});
    if (!versions) return std::move(versions).error();
    for (const tracking::ModelVersion& version : versions->items)
      by_run[version.run_id].push_back(model_version_type(version));
  }
  for (std::size_t i = 0; i < runs.size(); ++i)
    types[i].get_object()["modelVersions"] = std::move(by_run[runs[i].id]);
  return {};
}

Result<JsonArray> run_types(const MlflowServices& services, const std::vector<tracking::Run>& runs,
                            const Field& asked) {
  JsonArray types;
  types.reserve(runs.size());
  for (const tracking::Run& run : runs) types.push_back(run_type(run, asked));
  if (asked.asks_for("experiment")) {
    if (auto added = add_experiments(services, runs, types); !added)
      return std::move(added).error();
  }
  if (asked.asks_for("modelVersions")) {
    if (auto added = add_model_versions(services, runs, types); !added)
      return std::move(added).error();
  }
  return types;
}

Result<Json> get_experiment(const MlflowServices& services, const Field& root) {
  FieldReader in = input_of(root);
  const std::string id = in.required_text("experimentId");
  if (in.has_failed()) return in.error();
  auto experiment = services.experiments.get(id);
  if (!experiment) return std::move(experiment).error();
  return JsonObject{{"__typename", "MlflowGetExperimentResponse"},
                    {"experiment", experiment_type(*experiment)},
                    {"apiError", nullptr}};
}

Result<Json> get_run(const MlflowServices& services, const Field& root) {
  FieldReader in = input_of(root);
  std::string id = in.text("runId");
  if (id.empty()) id = in.text("runUuid");
  if (id.empty()) id = in.required_text("runId");
  if (in.has_failed()) return in.error();
  auto run = services.runs.get(id);
  if (!run) return std::move(run).error();
  Json type;
  if (const Field* const asked = find(root, "run")) {
    auto types = run_types(services, {*std::move(run)}, *asked);
    if (!types) return std::move(types).error();
    type = std::move(types->front());
  }
  return JsonObject{
      {"__typename", "MlflowGetRunResponse"}, {"run", std::move(type)}, {"apiError", nullptr}};
}

tracking::SearchQuery read_search(FieldReader& in, std::int64_t default_max_results) {
  tracking::SearchQuery query;
  query.filter = in.text("filter");
  query.order_by = in.texts("orderBy");
  query.max_results = in.integer("maxResults").value_or(default_max_results);
  query.page_token = in.text("pageToken");
  return query;
}

Json token_or_null(const std::string& token) {
  return token.empty() ? Json() : Json(token);
}

Result<Json> search_runs(const MlflowServices& services, const Field& root) {
  constexpr std::int64_t kDefaultPage = 1000;
  constexpr std::string_view kViews[] = {"", "ACTIVE_ONLY", "DELETED_ONLY", "ALL"};
  FieldReader in = input_of(root);
  const auto ids = in.texts("experimentIds");
  const tracking::SearchQuery query = read_search(in, kDefaultPage);
  const auto view = static_cast<tracking::ViewType>(in.choice("runViewType", kViews).value_or(1));
  if (in.has_failed()) return in.error();
  auto page = tracking::search_runs(services.database, ids, view, query);
  if (!page) return std::move(page).error();
  JsonArray types;
  if (const Field* const asked = find(root, "runs")) {
    auto made = run_types(services, page->items, *asked);
    if (!made) return std::move(made).error();
    types = *std::move(made);
  }
  return JsonObject{{"__typename", "MlflowSearchRunsResponse"},
                    {"runs", std::move(types)},
                    {"nextPageToken", token_or_null(page->next_page_token)},
                    {"apiError", nullptr}};
}

Result<Json> get_sampled_history(const MlflowServices& services, const Field& root) {
  constexpr std::int64_t kDefaultMax = 2500;
  FieldReader in = input_of(root);
  const auto run_ids = in.texts("runIds");
  const std::string key = in.required_text("metricKey");
  const auto begin = in.integer("startStep");
  const auto end = in.integer("endStep");
  const std::int64_t max_results = in.integer("maxResults").value_or(kDefaultMax);
  if (in.has_failed()) return in.error();
  std::optional<tracking::StepRange> range;
  if (begin && end) range = tracking::StepRange{*begin, *end};
  if (begin.has_value() != end.has_value()) {
    return core::Error{core::ErrorCode::kInvalidArgument,
                       "If either start step or end step are specified, both must be specified."};
  }
  auto series =
      tracking::sampled_metric_history(services.database, run_ids, key, range, max_results);
  if (!series) return std::move(series).error();
  JsonArray types;
  for (const tracking::RunSeries& of_run : *series) {
    for (const tracking::MetricPoint& point : of_run.points)
      types.push_back(run_metric_type(of_run.run_id, key, point));
  }
  return JsonObject{{"__typename", "MlflowGetMetricHistoryBulkIntervalResponse"},
                    {"metrics", std::move(types)},
                    {"apiError", nullptr}};
}

Result<Json> search_model_versions(const MlflowServices& services, const Field& root) {
  constexpr std::int64_t kDefaultPage = 10'000;
  FieldReader in = input_of(root);
  const tracking::SearchQuery query = read_search(in, kDefaultPage);
  if (in.has_failed()) return in.error();
  auto page = tracking::search_model_versions(services.database, query);
  if (!page) return std::move(page).error();
  JsonArray types;
  types.reserve(page->items.size());
  std::transform(page->items.begin(), page->items.end(), std::back_inserter(types),
                 model_version_type);
  return JsonObject{{"__typename", "MlflowSearchModelVersionsResponse"},
                    {"modelVersions", std::move(types)},
                    {"nextPageToken", token_or_null(page->next_page_token)},
                    {"apiError", nullptr}};
}

using Resolver = Result<Json> (*)(const MlflowServices&, const Field&);

constexpr std::array<std::pair<std::string_view, Resolver>, 5> kRootFields = {
    {{"mlflowGetExperiment", get_experiment},
     {"mlflowGetRun", get_run},
     {"mlflowSearchRuns", search_runs},
     {"mlflowGetMetricHistoryBulkInterval", get_sampled_history},
     {"mlflowSearchModelVersions", search_model_versions}}};

Resolver find_resolver(std::string_view name) {
  for (const auto& [field, resolver] : kRootFields) {
    if (field == name) return resolver;
  }
  return nullptr;
}

}  // namespace

bool is_root_field(std::string_view name) {
  return find_resolver(name) != nullptr;
}

Result<Json> resolve(const MlflowServices& services, const Field& root) {
  const Resolver resolver = find_resolver(root.name);
  if (resolver != nullptr) return resolver(services, root);
  return core::Error{core::ErrorCode::kInvalidArgument,
                     fmt::format("Cannot query field '{}' on type 'Query'.", root.name)};
}

}  // namespace tenure::api::mlflow::graphql
