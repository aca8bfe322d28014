#pragma once

#include <memory>
#include <vector>

#include "api/routes.h"
#include "app/project.h"
#include "core/metric.h"
#include "core/result.h"
#include "serving/model_watcher.h"
#include "serving/predictor.h"
#include "serving/traffic.h"
#include "tracking/registry.h"

namespace tenure::app {

/// The models of a server and what serves them: the main one (serving.model) with its arms
/// (serving.traffic), and those beside it (serving.models), each with a predictor, breakers and a
/// watcher of its own, so that what is wrong with one is nothing to the others.
class ServedModels {
 public:
  struct Collaborators {
    Project& project;
    tracking::Registry& registry;
    core::MetricRegistry& metrics;
    serving::PredictionSink* sink = nullptr;           ///< may be null
    const serving::OutcomeSource* outcomes = nullptr;  ///< may be null
  };
  /// Errors: kInvalidArgument for what the configuration says of them.
  static core::Result<std::unique_ptr<ServedModels>> make(Collaborators collaborators);
  ~ServedModels();

  /// Looks once for the versions of all. The answer is the main model's, as of
  /// ModelWatcher::check_now.
  core::Result<bool> check_now();
  void start();
  void stop();

  serving::Predictor& predictor() { return *predictor_; }
  const serving::ModelWatcher& watcher() const { return *watcher_; }
  serving::Traffic* traffic() { return traffic_.get(); }  ///< null without arms
  std::vector<api::ServedModel> others();

 private:
  struct Other;
  ServedModels() = default;
  std::unique_ptr<serving::Traffic> traffic_;
  std::unique_ptr<serving::Predictor> predictor_;
  std::unique_ptr<serving::ModelWatcher> watcher_;
  std::vector<std::unique_ptr<Other>> others_;
};

}  // namespace tenure::app
