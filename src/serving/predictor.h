#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
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
#include "core/metric.h"
#include "core/result.h"
#include "data/cell.h"
#include "features/online_store.h"
#include "learn/explainer.h"
#include "learn/model.h"
#include "serving/prediction_sink.h"

namespace tenure::serving {

/// Everything one prediction needs, immutable: swapped whole, so a request sees one model from
/// start to end.
struct ModelSnapshot {
  std::string name;
  std::int64_t version = 0;
  std::string run_id;
  core::Micros loaded = 0;
  std::string sha256;  ///< of the booster file
  learn::Model model;
  std::optional<features::OnlineReader>
      reader;            ///< none when the model takes features from requests only
  core::Json reference;  ///< sketches of the training rows (learn/reference.h), or null
  std::unordered_map<std::string, std::uint32_t> input_index;  ///< by plain name and by view__name
  std::vector<std::string_view> input_names;  ///< views into model.transform().inputs()
  /// Per input, what a missing value in a request means: kNull, or what the training table was
  /// cleaned with (stored features were cleaned already).
  std::vector<data::Cell> missing;
  /// Per input, the texts that mean missing; null for inputs that come from no cleaned table, whose
  /// texts are taken as they are.
  std::vector<const std::vector<std::string>*> null_markers;
  std::optional<learn::Explainer> explainer;
  std::string not_explained;  ///< why there is no explainer; "" if there is one

  static std::shared_ptr<const ModelSnapshot> make(std::string name, std::int64_t version,
                                                   std::string run_id, core::Micros loaded,
                                                   std::string sha256, learn::Model model,
                                                   std::optional<features::OnlineReader> reader,
                                                   core::Json reference = {});
};

/// One row to predict: an entity to look up, features from the request, or both; given features win
/// over stored ones.
struct PredictRow {
  std::string_view entity_id;         ///< empty = nothing to look up
  std::span<const data::Cell> given;  ///< empty, or one per model input; kAbsent = not given
};

/// What one input adds to a margin.
struct Contribution {
  std::uint32_t input = 0;
  float log_odds = 0;
  data::Cell value;  ///< as the model saw it; its text lives as long as the request and the Scratch
};

struct PredictOptions {
  bool is_explained = false;  ///< fill Prediction::contributions
};

struct Prediction {
  char id[36] = {};            ///< UUIDv7
  std::string_view entity_id;  ///< the request's bytes
  float margin = 0;
  float probability = 0;
  bool is_positive = false;
  Level level = Level::kPrimary;
  std::string_view reason;  ///< why a lower level answered: "unknown_entity", "store_unavailable",
                            ///< "invalid_score"; else ""
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
  };
  explicit Predictor(Collaborators collaborators);

  /// The current model; null before the first swap(). Hold it for the whole request.
  std::shared_ptr<const ModelSnapshot> snapshot() const;

  /// The same for the hot path, valid until the cache's next use.
  const ModelSnapshot* snapshot(SnapshotCache& cache) const;

  /// Puts a model live. Requests under way finish with the old one.
  void swap(std::shared_ptr<const ModelSnapshot> next);

  /// A version that should have become live did not load (tenure_model_load_failures_total).
  void count_load_failure();

  struct Scratch {
    std::vector<std::string_view> keys;
    std::vector<data::Cell> cells;
    std::vector<features::OnlineReader::EntityInfo> info;
    std::vector<float> encoded;
    features::OnlineReader::Scratch online;
    std::vector<features::OnlineReader::Scratch> online_rows;  ///< for rows read one by one
    learn::Explainer::Scratch explainer;
    std::vector<double> log_odds;
    std::vector<Contribution> contributions;
  };

  /// Predicts rows with one model; out.size() == rows.size(). A store that fails (unless the
  /// request gives every feature, so that it is not asked), an unknown entity without given
  /// features, and a score that is no finite number are answered by the base rate, with the reason;
  /// this never fails. A damaged row in the store costs only its own entity the answer of the
  /// model. A call with a scratch that has seen as many rows before allocates nothing.
  ///
  /// Explanations are checked: contributions that do not add up to the margin are withheld and
  /// counted (tenure_explanation_failures_total).
  void predict(const ModelSnapshot& snapshot, std::span<const PredictRow> rows, Scratch& scratch,
               std::span<Prediction> out, PredictOptions options = {}) noexcept;

 private:
  /// What one version counts. Kept for the life of the process: versions are few, and a request
  /// under way may still need that of a version just replaced.
  struct VersionMetrics {
    std::string model;
    std::int64_t version = 0;
    core::Counter* primary = nullptr;
    core::Counter* base_rate = nullptr;
    const VersionMetrics* next = nullptr;
  };
  struct Call;  ///< what the rows of one predict() share
  const VersionMetrics& metrics_of(const ModelSnapshot& snapshot);
  void answer(Call& call, features::OnlineReader::Scratch& online, std::span<const PredictRow> rows,
              std::span<Prediction> out);
  void fall_back(Call& call, std::string_view reason, Prediction& out);
  void explain(Call& call, std::span<const data::Cell> cells, Prediction& out);
  void report(const Call& call, std::span<const data::Cell> cells, const Prediction& prediction);
  void report_store_failure(const core::Error& error);

  Collaborators collaborators_;
  mutable std::mutex snapshot_mutex_;  ///< guards snapshot_; taken once per thread and swap
  std::shared_ptr<const ModelSnapshot> snapshot_;
  std::atomic<std::uint64_t> generation_{0};  ///< of snapshot_; no two in a process are equal
  core::Counter& unknown_entity_;
  core::Counter& store_unavailable_;
  core::Counter& invalid_score_;
  core::Counter& swaps_;
  core::Counter& load_failures_;
  core::Counter& explanation_failures_;
  core::Gauge& explanation_error_;
  core::Histogram& duration_;
  std::mutex metrics_mutex_;  ///< guards metrics_storage_
  std::deque<VersionMetrics> metrics_storage_;
  std::atomic<const VersionMetrics*> metrics_{nullptr};  ///< newest first
  std::atomic<std::int64_t> store_failure_logged_ns_{0};
};

}  // namespace tenure::serving
