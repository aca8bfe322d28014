#pragma once

#include <string_view>

#include "app/project.h"
#include "core/result.h"
#include "learn/metrics.h"

namespace tenure::app {

/// Logs what an evaluation measured as metrics of a run: test_auc, average_precision, log_loss and
/// so on. Errors: those of tracking::RunStore::log.
core::Result<> log_evaluation(Project& project, std::string_view run_id,
                              const learn::Evaluation& evaluation);

}  // namespace tenure::app
