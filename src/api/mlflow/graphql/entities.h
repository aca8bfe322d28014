#pragma once

#include "api/mlflow/graphql/document.h"
#include "core/json.h"
#include "tracking/experiments.h"
#include "tracking/metric_history.h"
#include "tracking/registry.h"
#include "tracking/run.h"

// MLflow's entities as its GraphQL types: all members are there, null where nothing is set; int64
// are texts (the scalar LongString), NaN is null.
namespace tenure::api::mlflow::graphql {

core::Json experiment_type(const tracking::Experiment& experiment);
core::Json model_version_type(const tracking::ModelVersion& version);
core::Json run_metric_type(const std::string& run_id, const std::string& key,
                           const tracking::MetricPoint& point);
/// Only the parts that `asked`, a field whose value is a run, asks for; the run's experiment and
/// model versions are null, and for the caller to fill.
core::Json run_type(const tracking::Run& run, const Field& asked);

}  // namespace tenure::api::mlflow::graphql
