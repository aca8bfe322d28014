#include "api/mlflow/mlflow_services.h"
#include "api/mlflow/route_table.h"
#include "api/mlflow/tracking_calls.h"

namespace tenure::api::mlflow {
namespace {

using net::Method;

}  // namespace

std::vector<net::Route> logged_model_routes(const MlflowServices& services) {
  RouteTable table(services);
  // clang-format off
  table.add<"/logged-models">(Method::kPost, create_logged_model, kWriter, "MLflow: begin a logged model");
  table.add<"/logged-models/search">(Method::kPost, search_logged_models, kReader, "MLflow: find logged models");
  table.add<"/logged-models/{model_id}">(Method::kGet, get_logged_model, kReader, "MLflow: a logged model");
  table.add<"/logged-models/{model_id}">(Method::kPatch, finish_logged_model, kWriter, "MLflow: a logged model is ready, or failed");
  table.add<"/logged-models/{model_id}">(Method::kDelete, delete_logged_model, kWriter, "MLflow: delete a logged model");
  table.add<"/logged-models/{model_id}/tags">(Method::kPatch, set_logged_model_tags, kWriter, "MLflow: set tags of a logged model");
  table.add<"/logged-models/{model_id}/tags/{tag_key}">(Method::kDelete, delete_logged_model_tag, kWriter, "MLflow: delete a tag of a logged model");
  table.add<"/logged-models/{model_id}/params">(Method::kPost, log_logged_model_params, kWriter, "MLflow: log params of a logged model");
  // clang-format on
  return table.take();
}

}  // namespace tenure::api::mlflow
