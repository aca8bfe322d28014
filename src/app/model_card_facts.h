#pragma once

#include "app/project.h"
#include "core/result.h"
#include "learn/model.h"
#include "learn/model_card.h"
#include "learn/report.h"
#include "pipelines/step_registry.h"

namespace tenure::app {

/// The model card of a run's model: numbers from the run's earlier steps and the report, the time
/// its training rows span, words from section model.card. Errors: those of prepared_training and of
/// reading its table.
core::Result<learn::ModelCard> model_card_of(const Project& project,
                                             const pipelines::StepContext& context,
                                             const learn::Model& model,
                                             const learn::EvaluationReport& report);

}  // namespace tenure::app
