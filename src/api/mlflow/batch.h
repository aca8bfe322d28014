#pragma once

#include <map>
#include <string>
#include <vector>

#include "api/mlflow/message.h"
#include "core/result.h"
#include "tracking/run.h"

namespace tenure::api::mlflow {

/// What one log-batch request logs.
struct Batch {
  std::string run_id;
  std::vector<tracking::Metric> metrics;
  std::map<std::string, std::string> params;
  std::map<std::string, std::string> tags;
};

/// One value of a metric: key, value, timestamp, step; model and data set when it has them.
core::Result<tracking::Metric> read_metric(const Message& message);

/// Reads a batch and checks what only the request shows: how many items there are, that no param
/// comes twice, and the keys, which errors name by their place (`metrics[0].name`). At most 1,000
/// metrics, 100 params, 100 tags, and 1,000 in all.
core::Result<Batch> read_batch(const Message& message);

}  // namespace tenure::api::mlflow
