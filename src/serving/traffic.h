#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "serving/arm_meter.h"
#include "serving/input_map.h"
#include "serving/model_watcher.h"
#include "serving/outcomes.h"
#include "serving/predictor.h"
#include "serving/traffic_guard.h"
#include "serving/traffic_options.h"
#include "tracking/registry.h"

namespace tenure::serving {

class ShadowArms;

/// Why an arm has no version live.
std::string not_live_reason(const ArmOptions& arm, const ModelWatcher& watcher);

/// Why a version cannot answer rows that were read for the champion; "" if it can, or if there is
/// none.
std::string other_inputs(const ModelSnapshot* champion, const ModelSnapshot& arm);

/// The versions that share the requests of one model: the champion, which its own Predictor serves,
/// and arms beside it. Every row is answered by one version: that of the arm whose slots the
/// customer falls into (traffic_options.h), else the champion. An arm whose version is not live
/// or was taken out leaves its customers to the champion. Its version may have other inputs than
/// the champion, by which requests are read: it gets what a request gives by name, and further
/// inputs from the online store. It leaves rows without an id to the champion then, and all when it
/// reads no store.
///
/// A guard compares each arm with the champion, scores on the same customers, and takes it out when
/// it is worse (traffic_guard.h), or when what came of its customers is not what it said
/// (outcomes.h): logged, counted, tagged and audited in the registry. It stays out
/// until it serves another version, or put_back() or a restart.
class Traffic {
 public:
  struct Collaborators {
    const core::Clock& clock;
    core::MetricRegistry& metrics;
    tracking::Registry& registry;
    PredictionSink* sink = nullptr;  ///< may be null
    ModelWatcher::Loader loader;
    const OutcomeSource* outcomes = nullptr;  ///< null: nobody tells what came of the customers
  };
  /// `champion` says what the champion's watcher follows; its alias is the variant that the
  /// champion's answers name, and arms are looked for as often.
  struct Options {
    ModelWatcher::Options champion;
    TrafficOptions shares;
    FallbackOptions fallback = {};
    /// What an arm's watcher follows.
    ModelWatcher::Options watch(const ArmOptions& arm) const;
  };
  Traffic(Options options, Collaborators collaborators);
  ~Traffic();  ///< stops the threads
  Traffic(const Traffic&) = delete;
  Traffic& operator=(const Traffic&) = delete;

  /// What the champion's Predictor is to be made with, so that shadows see its answers.
  Predictor::Collaborators champion_collaborators();
  /// The champion's Predictor, before anything below is called.
  void attach(Predictor& champion);

  /// Looks once for the arms' versions. An arm that does not load is reported in status().
  void check_arms();
  /// Compares every arm with the champion, once, and takes out what is worse.
  void check_guard();
  void start();
  void stop();

  /// One per thread.
  struct Scratch {
    struct Part {
      SnapshotCache cache;
      const ModelSnapshot* snapshot = nullptr;
      InputMap inputs;                ///< of the champion for this version
      std::vector<data::Cell> cells;  ///< of its rows, when it has others
      std::vector<PredictRow> rows;
      std::vector<std::uint32_t> places;  ///< of the rows in the request
      std::vector<Prediction> predictions;
      Predictor::Scratch predictor;
    };
    std::vector<Part> parts;  ///< the champion's, then the arms'
    /// For a model whose requests only one version answers.
    Predictor::Scratch& champion() {
      if (parts.empty()) parts.resize(1);
      return parts.front().predictor;
    }
    struct Id {
      char text[36];
    };
    std::vector<Id> ids;
  };

  /// As Predictor::predict, each row by the version it falls to.
  void predict(const ModelSnapshot& champion, std::span<const PredictRow> rows, Scratch& scratch,
               std::span<Prediction> out, PredictOptions options = {}) noexcept;

  /// The arm that has this version live, for requests that name one.
  struct LiveArm {
    Predictor* predictor = nullptr;
    std::shared_ptr<const ModelSnapshot> snapshot;
  };
  std::optional<LiveArm> find_version(std::string_view version);

  struct ArmStatus {
    ArmOptions options;
    std::string state;          ///< "live", "not live", "other inputs", "taken out"
    std::string why;            ///< unless live
    std::string taken_out_by;   ///< who took it out; "tenure" = the guard
    core::Micros since = 0;     ///< the version came, was taken out or put back; 0 = there is none
    std::uint64_t answers = 0;  ///< since the server began
    std::int64_t version = 0;   ///< that is loaded; 0 = none
    WarmUp warm_up;             ///< of the version, against the champion's at that time
    std::optional<ArmComparison> comparison;  ///< of the guard's last look
    std::optional<OutcomeSums> outcomes;      ///< of the version's customers with labels
    struct Shadow {
      std::uint64_t compared = 0, flips = 0, dropped = 0;
      double difference_mean = 0, difference_max = 0;
    };
    std::optional<Shadow> shadow;
  };
  struct Status {
    std::string champion;
    std::uint32_t champion_slots = kTrafficSlots;
    std::uint64_t champion_answers = 0;
    std::optional<OutcomeSums> champion_outcomes = {};
    std::vector<ArmStatus> arms;
  };
  Status status() const;

  /// Takes an arm's version out by hand; `actor` is whose, for the audit trail, and `why` in that
  /// person's words, or "". Errors: kNotFound; kConflict when it has none that answers.
  core::Result<> take_out(std::string_view arm, std::string_view actor, std::string_view why = {});
  /// Lets an arm that was taken out answer again. Errors: kNotFound; kConflict when it is not out.
  core::Result<> put_back(std::string_view arm, std::string_view actor, std::string_view why = {});

  /// Makes the predictions of shadows that wait, now, on this thread; for tests.
  void drain_shadows();

 private:
  struct Arm;
  void deal(const ModelSnapshot& champion, std::span<const PredictRow> rows,
            Scratch& scratch) const;
  static bool can_take(const Scratch::Part& part, const PredictRow& row);
  std::size_t part_of(std::uint32_t slot) const;
  void run();
  void judge(Arm& arm, const ModelSnapshot& champion);
  std::string judge_outcomes(Arm& arm, std::int64_t version, const ModelSnapshot& champion);
  std::optional<OutcomeSums> outcomes_of(std::int64_t version) const;
  static void pair(Arm& arm, const ModelSnapshot& champion);
  core::Result<Arm*> find_arm(std::string_view name) const;
  void tell(Arm& arm, std::int64_t version, const std::string& why, std::string_view actor,
            const std::optional<ArmComparison>& sides);
  void tag(std::int64_t version, std::string_view text, const tracking::Change& change);
  ArmStatus status_of(const Arm& arm, const ModelSnapshot* champion) const;

  Options options_;
  Collaborators collaborators_;
  Predictor* champion_ = nullptr;
  ArmMeter champion_meter_;
  std::vector<std::unique_ptr<Arm>> arms_;  ///< that answer
  std::unique_ptr<ShadowArms> shadows_;     ///< null without shadows
  mutable std::mutex mutex_;  ///< guards what the guard knows of arms; no request takes it
  std::condition_variable wake_;
  bool is_stopping_ = false;
  std::thread thread_;
};

}  // namespace tenure::serving
