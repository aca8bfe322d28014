#include "api/mlflow/entity_json.h"
#include "api/mlflow/field_reader.h"
#include "api/mlflow/path_text.h"
#include "api/mlflow/search_fields.h"
#include "api/mlflow/tracking_calls.h"

namespace tenure::api::mlflow {
namespace {

using core::Result;

Result<> append_model_member(Result<tracking::LoggedModel> model, std::string& out) {
  if (!model) return std::move(model).error();
  ObjectText body(out);
  append_logged_model(body.key("model"), *model);
  body.end();
  return {};
}

Result<tracking::LoggedModelQuery> read_query(FieldReader in) {
  tracking::LoggedModelQuery query;
  in.require("experiment_ids");
  query.experiment_ids = in.texts("experiment_ids");
  query.filter = in.text("filter");
  query.max_results = in.integer("max_results").value_or(query.max_results);
  query.page_token = in.text("page_token");
  for (const Message& item : in.objects("datasets")) {
    FieldReader dataset(item);
    query.datasets.emplace_back(dataset.required_text("dataset_name"),
                                dataset.text("dataset_digest"));
    if (dataset.has_failed()) return dataset.error();
  }
  for (const Message& item : in.objects("order_by")) {
    FieldReader order(item);
    query.order_by.push_back({.field = order.required_text("field_name"),
                              .ascending = order.boolean("ascending", true),
                              .dataset_name = order.text("dataset_name"),
                              .dataset_digest = order.text("dataset_digest")});
    if (order.has_failed()) return order.error();
  }
  if (in.has_failed()) return in.error();
  return query;
}

}  // namespace

Result<> create_logged_model(const MlflowServices& services, const net::Request& request,
                             std::string& out) {
  FieldReader in(Message::read(request));
  tracking::NewLoggedModel model;
  model.experiment_id = in.required_text("experiment_id");
  model.name = in.text("name");
  model.model_type = in.text("model_type");
  model.source_run_id = in.text("source_run_id");
  model.params = in.pairs("params");
  model.tags = in.pairs("tags");
  if (in.has_failed()) return in.error();
  return append_model_member(services.logged_models.create(model), out);
}

Result<> get_logged_model(const MlflowServices& services, const net::Request& request,
                          std::string& out) {
  FieldReader in(Message::read(request));
  const bool allow_deleted = in.boolean("allow_deleted", false);
  if (in.has_failed()) return in.error();
  return append_model_member(
      services.logged_models.get(path_text(request, "model_id"), allow_deleted), out);
}

Result<> finish_logged_model(const MlflowServices& services, const net::Request& request,
                             std::string& out) {
  constexpr std::string_view kNames[] = {"LOGGED_MODEL_STATUS_UNSPECIFIED", "LOGGED_MODEL_PENDING",
                                         "LOGGED_MODEL_READY", "LOGGED_MODEL_UPLOAD_FAILED"};
  FieldReader in(Message::read(request));
  in.require("status");
  const std::size_t status = in.choice("status", kNames).value_or(0);
  if (in.has_failed()) return in.error();
  return append_model_member(
      services.logged_models.finish(path_text(request, "model_id"),
                                    static_cast<tracking::LoggedModelStatus>(status)),
      out);
}

Result<> delete_logged_model(const MlflowServices& services, const net::Request& request,
                             std::string&) {
  return services.logged_models.remove(path_text(request, "model_id"));
}

Result<> set_logged_model_tags(const MlflowServices& services, const net::Request& request,
                               std::string&) {
  FieldReader in(Message::read(request));
  const auto tags = in.pairs("tags");
  if (in.has_failed()) return in.error();
  return services.logged_models.set_tags(path_text(request, "model_id"), tags);
}

Result<> delete_logged_model_tag(const MlflowServices& services, const net::Request& request,
                                 std::string&) {
  return services.logged_models.delete_tag(path_text(request, "model_id"),
                                           path_text(request, "tag_key"));
}

Result<> log_logged_model_params(const MlflowServices& services, const net::Request& request,
                                 std::string&) {
  FieldReader in(Message::read(request));
  const auto params = in.pairs("params");
  if (in.has_failed()) return in.error();
  return services.logged_models.log_params(path_text(request, "model_id"), params);
}

Result<> search_logged_models(const MlflowServices& services, const net::Request& request,
                              std::string& out) {
  auto query = read_query(FieldReader(Message::read(request)));
  if (!query) return std::move(query).error();
  auto page = tracking::search_logged_models(services.database, *query);
  if (!page) return std::move(page).error();
  append_page(out, "models", *page, append_logged_model);
  return {};
}

}  // namespace tenure::api::mlflow
