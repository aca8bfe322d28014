#pragma once

#include <string>
#include <vector>

#include "core/clock.h"
#include "net/router.h"
#include "storage/sql/database.h"
#include "tracking/artifacts.h"
#include "tracking/experiments.h"
#include "tracking/logged_models.h"
#include "tracking/registry.h"
#include "tracking/run.h"

namespace tenure::api::mlflow {

/// What the MLflow protocol is built from; everything is borrowed and outlives the router.
struct MlflowServices {
  const core::Clock& clock;
  storage::Database& database;
  tracking::ExperimentStore& experiments;
  tracking::RunStore& runs;
  tracking::LoggedModelStore& logged_models;
  tracking::Registry& registry;
  tracking::ArtifactLocator& artifacts;
  bool serves_artifacts = true;  ///< the proxy /api/2.0/mlflow-artifacts; off: 503
  bool is_tls = false;           ///< clients reach this server by https
  std::string ui_folder = {};    ///< build of MLflow's web UI; empty: none is served
  /// Sources of new model versions must match it
  /// (MLFLOW_CREATE_MODEL_VERSION_SOURCE_VALIDATION_REGEX).
  std::string version_source_pattern = {};
};

// Who may read what is tracked, and who may change it.
inline constexpr net::Role kReader = net::Role::kViewer;
inline constexpr net::Role kWriter = net::Role::kOperator;

// Rows of the route table, each under /api/2.0 and /ajax-api/2.0 as mlflow.md §1.1 says. Handlers
// block (SQL, files).
std::vector<net::Route> tracking_routes(const MlflowServices& services);
std::vector<net::Route> logged_model_routes(const MlflowServices& services);
std::vector<net::Route> registry_routes(const MlflowServices& services);
std::vector<net::Route> artifact_routes(const MlflowServices& services);
std::vector<net::Route> ui_routes(const MlflowServices& services);

}  // namespace tenure::api::mlflow
