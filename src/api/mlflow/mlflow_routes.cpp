#include "api/mlflow/mlflow_routes.h"

#include <iterator>
#include <utility>

namespace tenure::api::mlflow {

void add_routes(const MlflowServices& services, std::vector<net::Route>& routes) {
  // A database that cannot be read now is told of by the calls that need it.
  static_cast<void>(services.experiments.get("0"));
  if (!services.ui_folder.empty())
    std::erase_if(routes, [](const net::Route& route) { return route.path == "/"; });
  for (const auto make :
       {tracking_routes, logged_model_routes, registry_routes, artifact_routes, ui_routes}) {
    std::vector<net::Route> more = make(services);
    routes.insert(routes.end(), std::make_move_iterator(more.begin()),
                  std::make_move_iterator(more.end()));
  }
}

}  // namespace tenure::api::mlflow
