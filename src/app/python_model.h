#pragma once

#include <filesystem>

#include "app/model_store.h"
#include "app/project.h"
#include "core/result.h"

namespace tenure::app {

/// Whether a model folder was written by MLflow's own client, not by Tenure: it has an MLmodel and
/// none of our files.
bool is_python_model(const std::filesystem::path& folder);

/// Opens a model that a Python program logged: a booster of XGBoost or LightGBM that gives
/// probabilities, over columns that are numbers, or a tensor with as many (named f0, f1, ... where
/// the booster has no names). Where each column has a feature of its name (or
/// view__name) in the project, a customer's id is enough to predict; else requests give the
/// features. Threshold .5, no calibration of its own. Errors: kUnimplemented for what cannot be
/// evaluated (other flavors, pickles, text columns, several classes, objectives that give no
/// probability); kCorruption.
core::Result<StoredModel> open_python_model(Project& project, const std::filesystem::path& folder);

}  // namespace tenure::app
