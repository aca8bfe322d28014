#pragma once

#include "api/mlflow/message.h"
#include "core/result.h"
#include "tracking/run.h"

// What is logged, out of the messages that log it. Limits and keys are checked by who writes it.
namespace tenure::api::mlflow {

/// One value of a metric: key, value, timestamp, step; model and data set when it has them.
core::Result<tracking::Metric> read_metric(const Message& message);

/// metrics, params and tags; errors name the place of what is missing ("metrics[0].timestamp").
core::Result<tracking::LogBatch> read_batch(const Message& message);

}  // namespace tenure::api::mlflow
