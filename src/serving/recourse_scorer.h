#pragma once

#include "decision/recourse.h"
#include "learn/model.h"

namespace tenure::serving {

/// Asks a model for the probabilities of changed rows. The model must outlive it; one thread.
decision::Recourse::Scorer recourse_scorer(const learn::Model& model);

}  // namespace tenure::serving
