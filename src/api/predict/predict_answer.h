#pragma once

#include <span>
#include <string>

#include "serving/predictor.h"

namespace tenure::api {

/// Appends the answer to one row:
///   {"customer_id"?, "probability", "decision", "model": {"name", "version"}, "level",
///    "fallback_reason", "prediction_id", "features_as_of"}
void append_prediction(std::string& out, const serving::ModelSnapshot& snapshot,
                       const serving::Prediction& prediction);

/// Appends {"predictions": [...], "model": {...}}; the rows leave the model out.
void append_predictions(std::string& out, const serving::ModelSnapshot& snapshot,
                        std::span<const serving::Prediction> predictions);

/// The shortest decimal of the value widened to double: a reader that parses it as double and
/// rounds to float32 gets the same bits, and so does one that compares with numpy's `tolist()`.
void append_float(std::string& out, float value);

}  // namespace tenure::api
