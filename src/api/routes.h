#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "api/open_inference/inference_statistics.h"
#include "core/clock.h"
#include "core/metric.h"
#include "net/router.h"
#include "serving/answer_gate.h"
#include "serving/model_watcher.h"
#include "serving/predictor.h"
#include "serving/reasons.h"

namespace tenure::api {

/// What the protocols are built from; everything is borrowed and outlives the router.
struct Services {
  const core::Clock& clock;
  core::MetricRegistry& metrics;
  serving::Predictor& predictor;
  const serving::ModelWatcher& watcher;
  const std::atomic<bool>& is_draining;  ///< /ready answers 503 from then on
  std::string project;
  std::string program_version;
  std::int64_t rows_max = 10'000;
  serving::ReasonTexts reason_texts = {};
  std::string model = {};  ///< registered name of the model that is served, live yet or not
  std::shared_ptr<InferenceStatistics> inference_statistics =
      std::make_shared<InferenceStatistics>();
  serving::AnswerGate* answer_gate = nullptr;  ///< not null: answers wait until they are recorded
};

/// The route table: every path the server answers, one row each.
std::vector<net::Route> make_routes(const Services& services);

}  // namespace tenure::api
