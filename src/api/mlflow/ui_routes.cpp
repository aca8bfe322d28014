#include "api/mlflow/graphql/graphql_http.h"
#include "api/mlflow/mlflow_services.h"
#include "api/mlflow/route_table.h"
#include "api/mlflow/server_calls.h"
#include "api/mlflow/ui_files.h"

namespace tenure::api::mlflow {
namespace {

using net::Method;

/// What MLflow keeps and this server does not, below `family`: reading finds nothing, writing is
/// refused.
template <FixedText family>
void add_unkept(RouteTable& table) {
  const auto add = [&](std::string_view path, std::string_view below) {
    table.add_to(path, Method::kGet, list_nothing, kReader, {});
    table.add_to(below, Method::kGet, list_nothing, kReader, {});
    for (const Method method : {Method::kPost, Method::kPut, Method::kPatch, Method::kDelete}) {
      table.add_to(path, method, refuse_to_keep, kWriter, {});
      table.add_to(below, method, refuse_to_keep, kWriter, {});
    }
  };
  add(Joined<"/api", family>::kView, Joined<"/api", Joined<family, "/{rest*}">::kFixed>::kView);
  add(Joined<"/ajax-api", family>::kView,
      Joined<"/ajax-api", Joined<family, "/{rest*}">::kFixed>::kView);
}

void add_unkept(RouteTable& table) {
  add_unkept<"/2.0/mlflow/traces">(table);
  add_unkept<"/2.0/mlflow/webhooks">(table);
  add_unkept<"/3.0/mlflow/traces">(table);
  add_unkept<"/3.0/mlflow/datasets">(table);
  add_unkept<"/3.0/mlflow/scorers">(table);
  add_unkept<"/3.0/mlflow/issues">(table);
  add_unkept<"/3.0/mlflow/gateway">(table);
  add_unkept<"/3.0/mlflow/prompt-optimization">(table);
  // Searches whose fields are in a body.
  table.add_v3<"/traces/search">(Method::kPost, list_nothing, kReader, {});
  table.add_v3<"/traces/metrics">(Method::kPost, list_nothing, kReader, {});
  table.add_v3<"/datasets/search">(Method::kPost, list_nothing, kReader, {});
  table.add_v3<"/issues/search">(Method::kPost, list_nothing, kReader, {});
}

void add_page(const std::string& folder, std::vector<net::Route>& routes) {
  const UiFiles files(folder);
  routes.push_back(
      {.method = Method::kGet,
       .path = "/",
       .handler = [files](const net::Request&, net::Response& out) { files.answer_index(out); },
       .is_blocking = true,
       .body_max = 1024});
  routes.push_back({.method = Method::kGet,
                    .path = "/static-files/{path*}",
                    .handler =
                        [files](const net::Request& in, net::Response& out) {
                          files.answer_file(in.path_parameter("path"), out);
                        },
                    .is_blocking = true,
                    .body_max = 1024});
}

}  // namespace

std::vector<net::Route> ui_routes(const MlflowServices& services) {
  RouteTable table(services);
  table.add_v3<"/server-info">(Method::kGet, get_server_info, kReader,
                               "MLflow: what kind of server this is");
  table.add_v3<"/ui-telemetry">(Method::kGet, get_ui_telemetry, kReader, {});
  table.add_v3<"/ui-telemetry">(Method::kPost, post_ui_telemetry, kReader, {});
  table.add_to("/ajax-api/2.0/mlflow/gateway-proxy", Method::kGet, list_gateway_endpoints, kReader,
               {});
  // Pages of 3.x ask these on every visit, and call a 404 an error.
  table.add_to("/ajax-api/2.0/mlflow/users/current", Method::kGet, list_nothing, kReader, {});
  table.add_to("/ajax-api/3.0/mlflow/assistant/config", Method::kGet, get_assistant_config, kReader,
               {});
  table.add_to("/ajax-api/3.0/mlflow/assistant/providers", Method::kGet, list_assistant_providers,
               kReader, {});
  for (const std::string_view path :
       {"/ajax-api/2.0/mlflow/gateway-proxy", "/ajax-api/2.0/mlflow/runs/create-promptlab-run"})
    table.add_to(path, Method::kPost, refuse_to_keep, kWriter, {});
  add_unkept(table);
  table.add_to("/graphql", Method::kPost, answer_graphql, kReader,
               "MLflow: what its web page asks in GraphQL");
  table.add_to("/graphql", Method::kGet, answer_graphql, kReader, {});
  std::vector<net::Route> routes = table.take();
  if (!services.ui_folder.empty()) add_page(services.ui_folder, routes);
  return routes;
}

}  // namespace tenure::api::mlflow
