#include "api/mlflow/entity_json.h"
#include "api/mlflow/field_reader.h"
#include "api/mlflow/search_fields.h"
#include "api/mlflow/tracking_calls.h"

namespace tenure::api::mlflow {
namespace {

using core::Result;

Result<> append_experiment_member(Result<tracking::Experiment> experiment, std::string& out) {
  if (!experiment) return std::move(experiment).error();
  ObjectText body(out);
  append_experiment(body.key("experiment"), *experiment);
  body.end();
  return {};
}

}  // namespace

Result<> create_experiment(const MlflowServices& services, const net::Request& request,
                           std::string& out) {
  FieldReader in(Message::read(request));
  const std::string name = in.required_text("name");
  const auto tags = in.pairs("tags");
  const std::string location = in.text("artifact_location");
  if (in.has_failed()) return in.error();
  auto experiment = services.experiments.create(name, tags, location);
  if (!experiment) return std::move(experiment).error();
  ObjectText body(out);
  body.text("experiment_id", experiment->id);
  body.end();
  return {};
}

Result<> search_experiments(const MlflowServices& services, const net::Request& request,
                            std::string& out) {
  constexpr std::int64_t kDefaultPage = 1000;
  FieldReader in(Message::read(request, {"order_by"}));
  const tracking::SearchQuery query = read_search(in, kDefaultPage);
  const tracking::ViewType view = read_view(in, "view_type");
  if (in.has_failed()) return in.error();
  auto page = tracking::search_experiments(services.database, view, query);
  if (!page) return std::move(page).error();
  append_page(out, "experiments", *page, append_experiment);
  return {};
}

Result<> get_experiment(const MlflowServices& services, const net::Request& request,
                        std::string& out) {
  FieldReader in(Message::read(request));
  const std::string id = in.required_text("experiment_id");
  if (in.has_failed()) return in.error();
  return append_experiment_member(services.experiments.get(id), out);
}

Result<> get_experiment_by_name(const MlflowServices& services, const net::Request& request,
                                std::string& out) {
  FieldReader in(Message::read(request));
  const std::string name = in.required_text("experiment_name");
  if (in.has_failed()) return in.error();
  return append_experiment_member(services.experiments.find(name), out);
}

Result<> delete_experiment(const MlflowServices& services, const net::Request& request,
                           std::string&) {
  FieldReader in(Message::read(request));
  const std::string id = in.required_text("experiment_id");
  if (in.has_failed()) return in.error();
  return services.experiments.remove(id);
}

Result<> restore_experiment(const MlflowServices& services, const net::Request& request,
                            std::string&) {
  FieldReader in(Message::read(request));
  const std::string id = in.required_text("experiment_id");
  if (in.has_failed()) return in.error();
  return services.experiments.restore(id);
}

Result<> update_experiment(const MlflowServices& services, const net::Request& request,
                           std::string&) {
  FieldReader in(Message::read(request));
  const std::string id = in.required_text("experiment_id");
  const std::string name = in.required_text("new_name");
  if (in.has_failed()) return in.error();
  return services.experiments.rename(id, name);
}

Result<> set_experiment_tag(const MlflowServices& services, const net::Request& request,
                            std::string&) {
  FieldReader in(Message::read(request));
  const std::string id = in.required_text("experiment_id");
  const std::string key = in.required_text("key");
  const std::string value = in.text("value");
  if (in.has_failed()) return in.error();
  return services.experiments.set_tag(id, key, value);
}

Result<> delete_experiment_tag(const MlflowServices& services, const net::Request& request,
                               std::string&) {
  FieldReader in(Message::read(request));
  const std::string id = in.required_text("experiment_id");
  const std::string key = in.required_text("key");
  if (in.has_failed()) return in.error();
  return services.experiments.delete_tag(id, key);
}

Result<> search_datasets(const MlflowServices& services, const net::Request& request,
                         std::string& out) {
  FieldReader in(Message::read(request));
  const auto ids = in.texts("experiment_ids");
  if (in.has_failed()) return in.error();
  auto summaries = tracking::search_datasets(services.database, ids);
  if (!summaries) return std::move(summaries).error();
  ObjectText body(out);
  body.list_if_any("dataset_summaries", *summaries, append_dataset_summary);
  body.end();
  return {};
}

}  // namespace tenure::api::mlflow
