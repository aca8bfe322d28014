#include "api/mlflow/server_calls.h"

#include <fmt/format.h>

namespace tenure::api::mlflow {

using core::Result;

Result<> get_server_info(const MlflowServices&, const net::Request&, std::string& out) {
  out = R"({"store_type":"SqlStore","workspaces_enabled":false})";
  return {};
}

Result<> get_ui_telemetry(const MlflowServices&, const net::Request&, std::string& out) {
  out = R"({"disable_ui_telemetry":true,"disable_ui_events":[],"ui_rollout_percentage":0})";
  return {};
}

Result<> post_ui_telemetry(const MlflowServices&, const net::Request&, std::string& out) {
  out = R"({"status":"disabled"})";
  return {};
}

Result<> list_gateway_endpoints(const MlflowServices&, const net::Request&, std::string& out) {
  out = R"({"endpoints":[]})";
  return {};
}

Result<> get_assistant_config(const MlflowServices&, const net::Request&, std::string& out) {
  out = R"({"providers":{},"projects":{},"remote_access_allowed":false})";
  return {};
}

Result<> list_assistant_providers(const MlflowServices&, const net::Request&, std::string& out) {
  out = R"({"providers":[],"resolved":null,"gateway_vendor_options":[]})";
  return {};
}

Result<> list_nothing(const MlflowServices&, const net::Request&, std::string& out) {
  out = "{}";
  return {};
}

Result<> refuse_to_keep(const MlflowServices&, const net::Request& request, std::string&) {
  return core::Error{core::ErrorCode::kUnimplemented,
                     fmt::format("This server tracks runs, models and artifacts; {} {} is not "
                                 "served.",
                                 net::method_name(request.method), request.path)};
}

}  // namespace tenure::api::mlflow
