#include <iterator>

#include "api/mlflow/mlflow_services.h"
#include "api/mlflow/registry_calls.h"
#include "api/mlflow/registry_review_http.h"
#include "api/mlflow/route_table.h"

namespace tenure::api::mlflow {
namespace {

using net::Method;

/// A model is deleted with all its versions for good.
constexpr net::Role kOwner = net::Role::kAdmin;

}  // namespace

std::vector<net::Route> registry_routes(const MlflowServices& services) {
  RouteTable table(services);
  // clang-format off
  table.add<"/registered-models/create">(Method::kPost, create_registered_model, kWriter, "MLflow: make a registered model");
  table.add<"/registered-models/rename">(Method::kPost, rename_registered_model, kWriter, "MLflow: rename a model; versions, tags and aliases follow");
  table.add<"/registered-models/update">(Method::kPatch, update_registered_model, kWriter, "MLflow: describe a model");
  table.add<"/registered-models/delete">(Method::kDelete, delete_registered_model, kOwner, "MLflow: delete a model with its versions");
  table.add<"/registered-models/get">(Method::kGet, get_registered_model, kReader, "MLflow: a model with its newest versions");
  table.add<"/registered-models/search">(Method::kGet, search_registered_models, kReader, "MLflow: find models");
  table.add<"/registered-models/get-latest-versions">(Method::kGet, get_latest_versions, kReader, "MLflow: the newest version in each stage");
  table.add<"/registered-models/get-latest-versions">(Method::kPost, get_latest_versions, kReader, "MLflow: the newest version in each stage");
  table.add<"/registered-models/set-tag">(Method::kPost, set_registered_model_tag, kWriter, "MLflow: set a tag of a model");
  table.add<"/registered-models/delete-tag">(Method::kDelete, delete_registered_model_tag, kWriter, "MLflow: delete a tag of a model");
  table.add<"/registered-models/alias">(Method::kPost, set_registered_model_alias, kWriter, "MLflow: point an alias at a version; a protected one asks for approval");
  table.add<"/registered-models/alias">(Method::kDelete, delete_registered_model_alias, kWriter, "MLflow: delete an alias");
  table.add<"/registered-models/alias">(Method::kGet, get_version_by_alias, kReader, "MLflow: the version an alias points at");
  table.add<"/model-versions/create">(Method::kPost, create_model_version, kWriter, "MLflow: register a version");
  table.add<"/model-versions/update">(Method::kPatch, update_model_version, kWriter, "MLflow: describe a version");
  table.add<"/model-versions/transition-stage">(Method::kPost, transition_stage, kWriter, "MLflow: move a version to a stage; a protected one asks for approval");
  table.add<"/model-versions/delete">(Method::kDelete, delete_model_version, kWriter, "MLflow: delete a version; its number is not given again");
  table.add<"/model-versions/get">(Method::kGet, get_model_version, kReader, "MLflow: a version");
  table.add<"/model-versions/search">(Method::kGet, search_versions, kReader, "MLflow: find versions");
  table.add<"/model-versions/get-download-uri">(Method::kGet, get_download_uri, kReader, "MLflow: where a version's files are");
  table.add<"/model-versions/set-tag">(Method::kPost, set_model_version_tag, kWriter, "MLflow: set a tag of a version");
  table.add<"/model-versions/delete-tag">(Method::kDelete, delete_model_version_tag, kWriter, "MLflow: delete a tag of a version");
  // clang-format on
  std::vector<net::Route> routes = table.take();
  std::vector<net::Route> own = review_routes(services);
  routes.insert(routes.end(), std::make_move_iterator(own.begin()),
                std::make_move_iterator(own.end()));
  return routes;
}

}  // namespace tenure::api::mlflow
