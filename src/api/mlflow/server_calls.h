#pragma once

#include <string>

#include "api/mlflow/mlflow_services.h"
#include "core/result.h"
#include "net/http_message.h"

// Calls of MLflow's clients and web page that are not about what is tracked. Thread-safe.
namespace tenure::api::mlflow {

core::Result<> get_server_info(const MlflowServices&, const net::Request&, std::string& out);
/// MLflow's page reports how it is used unless this says that it must not.
core::Result<> get_ui_telemetry(const MlflowServices&, const net::Request&, std::string& out);
core::Result<> post_ui_telemetry(const MlflowServices&, const net::Request&, std::string& out);
core::Result<> list_gateway_endpoints(const MlflowServices&, const net::Request&, std::string& out);

/// The assistant of the page's newer releases: none is set up, and there is none to choose.
core::Result<> get_assistant_config(const MlflowServices&, const net::Request&, std::string& out);
core::Result<> list_assistant_providers(const MlflowServices&, const net::Request&,
                                        std::string& out);

/// Of what this server does not keep (traces, scorers, evaluation data sets, ...) there is none.
core::Result<> list_nothing(const MlflowServices&, const net::Request&, std::string& out);
/// And none can be made: kUnimplemented, which no client tries again.
core::Result<> refuse_to_keep(const MlflowServices&, const net::Request&, std::string& out);

}  // namespace tenure::api::mlflow
