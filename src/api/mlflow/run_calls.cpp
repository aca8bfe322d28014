#include "api/mlflow/entity_json.h"
#include "api/mlflow/field_reader.h"
#include "api/mlflow/search_fields.h"
#include "api/mlflow/tracking_calls.h"

namespace tenure::api::mlflow {
namespace {

using core::Result;

/// A status by MLflow's numbers, which begin at 1.
std::optional<tracking::RunStatus> read_status(FieldReader& in) {
  constexpr std::string_view kNames[] = {"",         "RUNNING", "SCHEDULED",
                                         "FINISHED", "FAILED",  "KILLED"};
  const auto number = in.choice("status", kNames);
  if (!number) return std::nullopt;
  return static_cast<tracking::RunStatus>(*number - 1);
}

/// A run with some metrics, params and tags.
constexpr std::size_t kRunBytes = 4096;
constexpr std::size_t kReserveMax = 16 * 1024 * 1024;

}  // namespace

Result<> create_run(const MlflowServices& services, const net::Request& request, std::string& out) {
  FieldReader in(Message::read(request));
  tracking::NewRun run;
  if (in.has("experiment_id")) run.experiment_id = in.text("experiment_id");
  if (run.experiment_id.empty()) run.experiment_id = "0";
  run.name = in.text("run_name");
  run.user = in.text("user_id");
  run.start_ms = in.integer("start_time").value_or(0);
  run.tags = in.pairs("tags");
  if (in.has_failed()) return in.error();
  auto made = services.runs.create(run);
  if (!made) return std::move(made).error();
  ObjectText body(out);
  append_run(body.key("run"), *made, false);
  body.end();
  return {};
}

Result<> update_run(const MlflowServices& services, const net::Request& request, std::string& out) {
  FieldReader in(Message::read(request));
  const std::string id = in.required_run_id();
  tracking::RunUpdate update;
  update.status = read_status(in);
  update.end_ms = in.integer("end_time");
  update.name = in.text("run_name");
  if (in.has_failed()) return in.error();
  auto run = services.runs.update(id, update);
  if (!run) return std::move(run).error();
  ObjectText body(out);
  append_run_info(body.key("run_info"), *run);
  body.end();
  return {};
}

Result<> delete_run(const MlflowServices& services, const net::Request& request, std::string&) {
  FieldReader in(Message::read(request));
  const std::string id = in.required_text("run_id");
  if (in.has_failed()) return in.error();
  return services.runs.remove(id);
}

Result<> restore_run(const MlflowServices& services, const net::Request& request, std::string&) {
  FieldReader in(Message::read(request));
  const std::string id = in.required_text("run_id");
  if (in.has_failed()) return in.error();
  return services.runs.restore(id);
}

Result<> get_run(const MlflowServices& services, const net::Request& request, std::string& out) {
  FieldReader in(Message::read(request));
  const std::string id = in.required_run_id();
  if (in.has_failed()) return in.error();
  auto run = services.runs.get(id);
  if (!run) return std::move(run).error();
  ObjectText body(out);
  append_run(body.key("run"), *run);
  body.end();
  return {};
}

Result<> search_runs(const MlflowServices& services, const net::Request& request,
                     std::string& out) {
  constexpr std::int64_t kDefaultPage = 1000;
  FieldReader in(Message::read(request));
  const auto experiment_ids = in.texts("experiment_ids");
  const tracking::SearchQuery query = read_search(in, kDefaultPage);
  const tracking::ViewType view = read_view(in, "run_view_type");
  if (in.has_failed()) return in.error();
  const auto listing = tracking::list_runs(services.database, experiment_ids, view, query);
  if (!listing) return listing.error();
  out.reserve(std::min(listing->runs.size() * kRunBytes, kReserveMax));
  ObjectText body(out);
  body.list_if_any("runs", listing->runs,
                   [](std::string& to, const tracking::ListedRun& run) { append_run(to, run); });
  body.text_if_any("next_page_token", listing->next_page_token);
  body.end();
  return {};
}

}  // namespace tenure::api::mlflow
