#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "tracking/run.h"

namespace tenure::api::mlflow {

/// A batch and the run it is for.
struct PlainBatch {
  std::string run_id;
  tracking::LogBatch batch;
};

/// The body of a log-batch call as MLflow's clients write it, read from front to back without a
/// tree of JSON values, which takes longer to make than all else that is done with it. std::nullopt
/// for whatever is missing, of another type or unknown: `read_batch` then reads it by all rules of
/// `Message`, and finds the words when something is wrong. Both give the same batch.
std::optional<PlainBatch> read_plain_batch(std::string_view body);

}  // namespace tenure::api::mlflow
