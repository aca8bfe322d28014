#pragma once

#include <vector>

#include "api/mlflow/mlflow_services.h"
#include "net/router.h"

namespace tenure::api::mlflow {

/// Adds all routes of MLflow's tracking server to those of a table. Where it has a web page, that
/// takes the place of the table's own page at "/". Makes the experiment 0, Default, which clients
/// take for granted, if it is not there.
void add_routes(const MlflowServices& services, std::vector<net::Route>& routes);

}  // namespace tenure::api::mlflow
