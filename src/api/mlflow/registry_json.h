#pragma once

#include <span>
#include <string>

#include "tracking/registry.h"

// Entities of MLflow's model registry as JSON text (mlflow.md §5).
namespace tenure::api::mlflow {

/// The version is text; run_id, run_link and description are there even when empty, as MLflow's
/// server has it.
void append_model_version(std::string& out, const tracking::ModelVersion& version);

/// `latest`: the newest version in each stage.
void append_registered_model(std::string& out, const tracking::RegisteredModel& model,
                             std::span<const tracking::ModelVersion> latest);

}  // namespace tenure::api::mlflow
