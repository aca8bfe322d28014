#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/access/allowed_hosts.h"
#include "api/idempotency/answer_memory.h"
#include "api/mlflow/mlflow_services.h"
#include "api/open_inference/inference_statistics.h"
#include "auth/guard.h"
#include "core/clock.h"
#include "core/metric.h"
#include "monitoring/label_store.h"
#include "net/router.h"
#include "net/trusted_proxies.h"
#include "serving/answer_gate.h"
#include "serving/model_watcher.h"
#include "serving/predictor.h"
#include "serving/reasons.h"
#include "serving/traffic.h"

namespace tenure::monitoring {
class PredictionLog;
}

namespace tenure::api {

/// A registered model that the server answers for.
struct ServedModel {
  std::string name;
  serving::Predictor& predictor;
  const serving::ModelWatcher& watcher;
  std::shared_ptr<InferenceStatistics> statistics = std::make_shared<InferenceStatistics>();
};

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
  AnswerMemory* answers = nullptr;  ///< by Idempotency-Key; null: the header means nothing
  std::string model = {};        ///< registered name of the model that is served, live yet or not
  auth::Guard* guard = nullptr;  ///< null: no tokens and no rate limits
  bool has_rate_fields = true;   ///< as in AccessRules
  std::vector<std::string> cors_origins = {};  ///< as in AccessRules
  std::optional<AllowedHosts> hosts = {};      ///< as in AccessRules
  net::TrustedProxies proxies = {};            ///< that are believed whom they ask for
  std::shared_ptr<InferenceStatistics> inference_statistics =
      std::make_shared<InferenceStatistics>();
  serving::Traffic* traffic = nullptr;   ///< of the main model; null = one version answers all
  std::vector<ServedModel> others = {};  ///< models beside the main one
  serving::AnswerGate* answer_gate = nullptr;  ///< not null: answers wait until they are recorded
  const mlflow::MlflowServices* mlflow = nullptr;  ///< null: MLflow's tracking API is not served
  monitoring::LabelStore* labels = nullptr;        ///< null: nobody can tell what came of customers
  monitoring::PredictionLog* prediction_log = nullptr;  ///< null: none, or another's
};

/// The route table: every path the server answers, one row each; guarded, if there is a guard.
std::vector<net::Route> make_routes(const Services& services);

}  // namespace tenure::api
