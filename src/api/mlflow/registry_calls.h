#pragma once

#include <string>

#include "api/mlflow/field_reader.h"
#include "api/mlflow/message.h"
#include "api/mlflow/mlflow_services.h"
#include "core/result.h"
#include "net/http_message.h"
#include "tracking/registry.h"

// The calls of MLflow's model registry (mlflow.md §5), each as RouteTable takes it.
namespace tenure::api::mlflow {

/// Who changes something: the name of the client's token, "mlflow" without one.
tracking::Change change_of(const net::Request& request);

/// Field "version", which is text. Errors: kInvalidArgument in MLflow's words.
std::int64_t version_in(FieldReader& in);

// Models (registry_model_calls.cpp)
core::Result<> create_registered_model(const MlflowServices&, const net::Request&, std::string&);
core::Result<> get_registered_model(const MlflowServices&, const net::Request&, std::string&);
core::Result<> rename_registered_model(const MlflowServices&, const net::Request&, std::string&);
core::Result<> update_registered_model(const MlflowServices&, const net::Request&, std::string&);
core::Result<> delete_registered_model(const MlflowServices&, const net::Request&, std::string&);
core::Result<> search_registered_models(const MlflowServices&, const net::Request&, std::string&);
core::Result<> get_latest_versions(const MlflowServices&, const net::Request&, std::string&);
core::Result<> set_registered_model_tag(const MlflowServices&, const net::Request&, std::string&);
core::Result<> delete_registered_model_tag(const MlflowServices&, const net::Request&,
                                           std::string&);
core::Result<> set_registered_model_alias(const MlflowServices&, const net::Request&, std::string&);
core::Result<> delete_registered_model_alias(const MlflowServices&, const net::Request&,
                                             std::string&);
core::Result<> get_version_by_alias(const MlflowServices&, const net::Request&, std::string&);

// Versions (registry_version_calls.cpp)
core::Result<> create_model_version(const MlflowServices&, const net::Request&, std::string&);
core::Result<> get_model_version(const MlflowServices&, const net::Request&, std::string&);
core::Result<> update_model_version(const MlflowServices&, const net::Request&, std::string&);
core::Result<> transition_stage(const MlflowServices&, const net::Request&, std::string&);
core::Result<> delete_model_version(const MlflowServices&, const net::Request&, std::string&);
core::Result<> search_versions(const MlflowServices&, const net::Request&, std::string&);
core::Result<> get_download_uri(const MlflowServices&, const net::Request&, std::string&);
core::Result<> set_model_version_tag(const MlflowServices&, const net::Request&, std::string&);
core::Result<> delete_model_version_tag(const MlflowServices&, const net::Request&, std::string&);

}  // namespace tenure::api::mlflow
