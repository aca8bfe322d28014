#include "app/steps/steps.h"

namespace tenure::app {

pipelines::StepRegistry make_steps(Project& project) {
  pipelines::StepRegistry steps;
  steps.add("ingest", "Read, check and clean the table", ingest_step(project));
  steps.add("split", "Hold out the test rows", split_step(project));
  steps.add("features", "Join every row with the feature values known at its time",
            features_step(project));
  steps.add("train", "Cross-validate and fit the model", train_step(project));
  steps.add("evaluate", "Measure the model on the test rows", evaluate_step(project));
  steps.add("register", "Store the model package as a new version", register_step(project));
  steps.add("materialize", "Bring the newest feature values online", materialize_step(project));
  steps.add("promote", "Compare with the champion and promote", promote_step(project));
  return steps;
}

std::span<const std::string> default_steps() {
  static const std::vector<std::string> kSteps = {"ingest",   "split",    "features",    "train",
                                                  "evaluate", "register", "materialize", "promote"};
  return kSteps;
}

}  // namespace tenure::app
