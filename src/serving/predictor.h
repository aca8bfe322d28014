#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/clock.h"
#include "core/json.h"
#include "core/result.h"
#include "core/trace_context.h"
#include "data/cell.h"
#include "decision/policy.h"
#include "decision/recourse.h"
#include "decision/rule_set.h"
#include "features/online_store.h"
#include "learn/explainer.h"
#include "learn/model.h"
#include "serving/circuit_breaker.h"
#include "serving/fallback.h"
#include "serving/prediction_metrics.h"
#include "serving/prediction_sink.h"

namespace tenure::serving {

/// Everything one prediction needs, immutable: swapped whole, so a request sees one model from
/// start to end.
struct ModelSnapshot {
  /// What a snapshot is made from.
  struct Parts {
    std::string name;
    std::int64_t version = 0;
    std::string run_id = {};
    core::Micros loaded = 0;
    std::string sha256 = {};  ///< of the booster file
    learn::Model model;
    /// None when the model takes features from requests only.
    std::optional<features::OnlineReader> reader = {};
    core::Json reference = {};  ///< sketches of the training rows (learn/reference.h), or null
    /// A simple model over the same inputs, for when the model itself is not to be trusted.
    std::optional<learn::Model> secondary = {};
    decision::RuleSet rules = {};                 ///< over the model's inputs
    std::optional<decision::Policy> policy = {};  ///< over the model's inputs
    /// The policy says who is positive, by the costs of each customer, instead of one threshold.
    bool has_own_thresholds = false;
    std::optional<decision::Recourse> recourse = {};  ///< over the model's inputs
  };
  /// Errors: kInvalidArgument when the secondary model has other inputs.
  static core::Result<std::shared_ptr<const ModelSnapshot>> make(Parts parts);

  std::string name;
  std::int64_t version = 0;
  std::string run_id;
  core::Micros loaded = 0;
  std::string sha256;
  learn::Model model;
  std::optional<features::OnlineReader> reader;
  core::Json reference;
  std::optional<learn::Model> secondary;
  decision::RuleSet rules;
  std::optional<decision::Policy> policy;
  bool has_own_thresholds = false;
  std::optional<decision::Recourse> recourse;

  std::unordered_map<std::string, std::uint32_t> input_index;  ///< by plain name and by view__name
  std::vector<std::string_view> input_names;  ///< views into model.transform().inputs()
  /// Per input, what a missing value in a request means: kNull, or what the training table was
  /// cleaned with (stored features were cleaned already).
  std::vector<data::Cell> missing;
  /// Per input, the texts that mean missing; null for inputs that come from no cleaned table, whose
  /// texts are taken as they are.
  std::vector<const std::vector<std::string>*> null_markers;
  std::uint64_t inputs_digest = 0;  ///< equal for versions whose inputs a request spells alike
  std::optional<learn::Explainer> explainer;
  std::string not_explained;  ///< why there is no explainer; "" if there is one
};

/// One row to predict: an entity to look up, features from the request, or both; given features win
/// over stored ones.
struct PredictRow {
  std::string_view entity_id;           ///< empty = nothing to look up
  std::span<const data::Cell> given;    ///< empty, or one per model input; kAbsent = not given
  std::string_view prediction_id = {};  ///< 36 characters; empty = a new one
};

/// What one input adds to a margin.
struct Contribution {
  std::uint32_t input = 0;
  float log_odds = 0;
  data::Cell value;  ///< as the model saw it; its text lives as long as the request and the Scratch
};

struct PredictOptions {
  bool is_explained = false;  ///< fill Prediction::contributions
  /// By when an answer is wanted, by Clock::monotonic_ns; 0 = no matter. Beside
  /// serving.fallback.deadline the earlier of the two counts.
  std::int64_t deadline_ns = 0;
  core::TraceContext trace = {};  ///< of the request; for the event
};

struct Prediction {
  char id[36] = {};                         ///< UUIDv7
  const ModelSnapshot* snapshot = nullptr;  ///< the version that answered
  std::string_view variant;    ///< its name among those that share the requests; "" = it has none
  std::string_view entity_id;  ///< the request's bytes
  float margin = 0;
  float probability = 0;
  bool is_positive = false;
  Level level = Level::kPrimary;
  FallbackReason reason = FallbackReason::kNone;  ///< why the primary did not answer
  std::string_view rule;  ///< name of the business rule that answered; else ""
  /// The model's answer is one that its calibration rows do not tell from the other.
  bool is_uncertain = false;
  /// What to do about this customer; set when there is a policy.
  decision::Decision decision;
  core::Micros features_time = 0;  ///< event time of the stalest stored row; 0 = none read
  /// Of every input, in the model's order, when asked for and the model answered; else empty. In
  /// the Scratch, until its next use. Their sum + `bias` = margin, to rounding.
  std::span<const Contribution> contributions;
  float bias = 0;
};

/// A thread's own hold on the current snapshot, so that asking for it takes neither a lock nor a
/// shared counter while no swap comes between. Keeps the snapshot it saw last alive.
class SnapshotCache {
 public:
  /// What it saw last, to hold for longer; may be null.
  const std::shared_ptr<const ModelSnapshot>& shared() const { return snapshot_; }

 private:
  friend class Predictor;
  std::uint64_t generation_ = 0;
  std::shared_ptr<const ModelSnapshot> snapshot_;
};

/// Answers predictions. predict() may be called from any thread, each with its own Scratch; swap()
/// from any thread.
class Predictor {
 public:
  struct Collaborators {
    const core::Clock& clock;
    core::MetricRegistry& metrics;
    PredictionSink* sink = nullptr;  ///< may be null
    MetricIdentity identity = {};    ///< whose predictions these are
    bool is_shadow = false;          ///< nobody gets its answers
  };
  explicit Predictor(Collaborators collaborators, const FallbackOptions& fallback = {});

  /// The current model; null before the first swap(). Hold it for the whole request.
  std::shared_ptr<const ModelSnapshot> snapshot() const;

  /// The same for the hot path, valid until the cache's next use.
  const ModelSnapshot* snapshot(SnapshotCache& cache) const;

  /// Puts a model live. Requests under way finish with the old one.
  void swap(std::shared_ptr<const ModelSnapshot> next);

  /// Takes the model off; snapshot() is null then.
  void retire();

  /// A version that should have become live did not load (tenure_model_load_failures_total).
  void count_load_failure();

  const core::Clock& clock() const { return collaborators_.clock; }

  struct Scratch {
    std::vector<std::string_view> keys;
    std::vector<data::Cell> cells;
    std::vector<features::OnlineReader::EntityInfo> info;
    std::vector<float> encoded;
    std::vector<float> secondary_encoded;
    features::OnlineReader::Scratch online;
    std::vector<features::OnlineReader::Scratch> online_rows;  ///< for rows read one by one
    learn::Explainer::Scratch explainer;
    std::vector<double> log_odds;
    std::vector<Contribution> contributions;
  };

  /// Predicts rows with one model; out.size() == rows.size(); never fails. What keeps the model
  /// from answering (fallback.h) leads to the secondary model, where features are known; else to
  /// the first business rule that holds; else to the base rate. A damaged row in the store costs
  /// only its own entity the answer of the model. A call with a scratch that has seen as many rows
  /// before allocates nothing.
  ///
  /// Explanations are checked: contributions that do not add up to the margin are withheld and
  /// counted (tenure_explanation_failures_total).
  void predict(const ModelSnapshot& snapshot, std::span<const PredictRow> rows, Scratch& scratch,
               std::span<Prediction> out, PredictOptions options = {}) noexcept;

  /// What the levels have answered, and how the breakers stand, for people.
  struct FallbackStats {
    struct Count {
      std::string_view name;
      std::uint64_t count = 0;
    };
    std::vector<Count> levels;
    std::vector<Count> reasons;
    struct Breaker {
      std::string_view name;
      CircuitBreaker::State state = CircuitBreaker::State::kClosed;
      std::uint64_t times_opened = 0;
    };
    std::vector<Breaker> breakers;
  };
  FallbackStats fallback_stats() const;

 private:
  struct Call;  ///< what the rows of one predict() share
  enum class StoreRead : std::uint8_t { kDone, kFailed, kDamaged, kLate };
  bool is_late(const Call& call) const;
  void answer(Call& call, features::OnlineReader::Scratch& online, std::span<const PredictRow> rows,
              std::span<Prediction> out);
  StoreRead read_store(Call& call, features::OnlineReader::Scratch& online,
                       std::span<data::Cell> cells,
                       std::span<features::OnlineReader::EntityInfo> info);
  void answer_row(Call& call, std::span<const data::Cell> cells, bool has_features,
                  FallbackReason reason, Prediction& out);
  FallbackReason distrust(const Call& call, std::span<const data::Cell> cells,
                          core::Micros features_time) const;
  FallbackReason ask_model(Call& call, std::span<const data::Cell> cells, Prediction& out);
  bool ask_secondary(Call& call, std::span<const data::Cell> cells, Prediction& out);
  void explain(Call& call, std::span<const data::Cell> cells, Prediction& out);
  void report(const Call& call, std::span<const data::Cell> cells, const Prediction& prediction);
  void report_store_failure(const Call& call, const core::Error& error);

  Collaborators collaborators_;
  mutable std::mutex snapshot_mutex_;  ///< guards snapshot_; taken once per thread and swap
  std::shared_ptr<const ModelSnapshot> snapshot_;
  std::atomic<std::uint64_t> generation_{0};  ///< of snapshot_; no two in a process are equal
  PredictionMetrics metrics_;
  FallbackOptions fallback_;
  CircuitBreaker model_breaker_;
  CircuitBreaker store_breaker_;
  std::atomic<std::int64_t> store_failure_logged_ns_{0};
};

}  // namespace tenure::serving
