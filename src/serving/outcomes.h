#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tenure::serving {

struct GuardOptions;

/// The probabilities that one version gave, beside what came of the customers: sums over customers,
/// of each one prediction p and what happened y, 1 = the event.
struct OutcomeSums {
  std::uint64_t customers = 0;
  std::uint64_t events = 0;    ///< sum of y
  double expected = 0;         ///< sum of p
  double variance = 0;         ///< sum of p (1 - p)
  double squared_error = 0;    ///< sum of (y - p)^2
  double excess_variance = 0;  ///< sum of p (1 - p) (1 - 2p)^2

  void add(double probability, bool has_happened);

  /// Events over expected ones: 1 when the probabilities are right on the whole. 0 without any.
  double observed_to_expected() const;
  double brier() const;  ///< mean squared error; 0 without customers
  /// How far the Brier score is above what it would be if the probabilities were right.
  double excess_brier() const;
  /// Standard normal if the probabilities are right: of the number of events, and of the Brier
  /// score (Spiegelhalter 1986). 0 where nothing varies.
  double events_z() const;
  double spiegelhalter_z() const;

  /// Without what was in `earlier`, sums of the same version.
  OutcomeSums since(const OutcomeSums& earlier) const;
};

/// Who knows what came of the customers. Implemented by monitoring::LabelJoiner; declared here so
/// that serving depends on nothing above it.
class OutcomeSource {
 public:
  virtual ~OutcomeSource() = default;
  /// Of the customers of one version; nothing while no label of theirs is known. From any thread.
  virtual std::optional<OutcomeSums> outcomes(std::string_view model,
                                              std::int64_t version) const = 0;
};

/// How far a sum of independent deviations with that variance may lie from 0 at every one of any
/// number of looks, but for a chance of `risk` in all: the normal mixture boundary of Robbins
/// (1970). A fixed number of standard deviations would be exceeded sooner or later by looking often
/// enough.
double always_valid_bound(double variance, double risk);

/// Why a version with these outcomes must go, or "" while it may stay: the number of events, or the
/// Brier score, is further from what its probabilities promise than chance explains, and further
/// than the champion's by more than the margin. Judges nothing on fewer than options.labels_min
/// customers or without some of each kind; a champion of whom less is known counts as right.
std::string outcome_objection(const GuardOptions& options, const OutcomeSums& champion,
                              const OutcomeSums& arm);

}  // namespace tenure::serving
