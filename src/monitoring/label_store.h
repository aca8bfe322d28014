#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.h"
#include "core/result.h"
#include "serving/outcomes.h"
#include "storage/sql/database.h"
#include "tracking/registry.h"

namespace tenure::monitoring {

/// What came of a customer, told afterwards: of one prediction, or of whatever was predicted for a
/// customer in the time before.
struct OutcomeLabel {
  std::int64_t id = 0;  ///< given by the store; larger ones were told later
  std::string model;
  std::string prediction_id;  ///< "" where a customer is named
  std::string entity_id;      ///< "" where a prediction is named
  core::Micros time = 0;      ///< when it came about, or was seen not to have
  core::Micros received = 0;  ///< given by the store
  bool has_happened = false;
};

/// Reads "1", "true", "yes" or `positive` as that it has happened, "0", "false", "no" or `negative`
/// as that it has not, without regard to case; nothing for another text.
std::optional<bool> read_outcome(std::string_view text, std::string_view positive,
                                 std::string_view negative);

/// A label and the prediction it is about. A version has one for each customer (for each prediction
/// where no customer was named): the newest prediction of those with a label.
struct JoinedOutcome {
  std::string model;
  std::int64_t version = 0;
  std::string subject;  ///< the customer, or the prediction where none was named
  std::string prediction_id;
  std::string variant;
  bool is_shadow = false;
  core::Micros predicted = 0;
  double probability = 0;
  bool has_happened = false;
  core::Micros label_time = 0;
  std::int64_t label_id = 0;
};

/// The labels of all models, and what they say of the versions: tables tenure_labels and
/// tenure_outcomes of the project's database. Thread-safe as the database is; several servers may
/// share one.
class LabelStore {
 public:
  LabelStore(storage::Database& database, const core::Clock& clock)
      : database_(&database), clock_(&clock) {}

  core::Result<> prepare();  ///< makes the tables where they are missing

  /// Keeps labels, all or none, and returns how many say something new. One that is there already
  /// changes nothing; one that says otherwise of the same prediction, or of the same customer and
  /// time, takes its place, unless its time is earlier. Errors: those of the database.
  core::Result<std::int64_t> add(std::span<const OutcomeLabel> labels, std::string_view actor);

  /// Labels told after that one, in their order, at most `limit`.
  core::Result<std::vector<OutcomeLabel>> after(std::int64_t id, std::size_t limit) const;
  /// What tells one state of the labels from another: the id of the last one, and of the last
  /// erasure.
  struct Position {
    std::int64_t last_id = 0;  ///< 0 = there is none
    std::int64_t last_erasure = 0;
    friend bool operator==(const Position&, const Position&) = default;
  };
  core::Result<Position> position() const;

  /// Keeps what labels say of predictions; repeated, it changes nothing. `outcomes` has one for
  /// each model, version and subject. What labels say that are gone by now, corrected or erased, is
  /// left out.
  core::Result<> join(std::span<const JoinedOutcome> outcomes);

  struct Erased {
    std::int64_t labels = 0, outcomes = 0;
  };
  /// Removes, of all models, labels that name one of the customers or a prediction of one, and the
  /// customers' outcomes; which predictions are theirs the outcomes know, and `predictions` says of
  /// others. In the same transaction the audit trail gets an entry (subject "labels") with the
  /// numbers and without the customers. Looks through all outcomes. Errors: those of the database;
  /// nothing is removed then.
  core::Result<Erased> erase(std::span<const std::string> customers,
                             const std::vector<std::string>& predictions,
                             const tracking::Change& change);

  struct VersionOutcomes {
    std::string model;
    std::int64_t version = 0;
    serving::OutcomeSums sums;
    core::Micros first_predicted = 0, last_predicted = 0;
  };
  /// By model and version, of predictions made until then.
  core::Result<std::vector<VersionOutcomes>> outcomes(core::Micros predicted_until) const;

 private:
  storage::Database* database_;
  const core::Clock* clock_;
};

}  // namespace tenure::monitoring
