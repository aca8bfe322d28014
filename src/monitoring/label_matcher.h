#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "core/clock.h"
#include "core/result.h"
#include "data/engine.h"
#include "monitoring/label_store.h"

namespace tenure::monitoring {

/// Finds the predictions that labels are about. Not thread-safe; borrows the labels.
class LabelMatcher {
 public:
  /// A label that names a customer is about predictions made at most `horizon` before its time, and
  /// not after it.
  LabelMatcher(std::span<const OutcomeLabel> labels, core::Micros horizon);

  struct Candidate {
    std::string_view prediction_id, entity_id, model, variant;
    std::int64_t version = 0;
    core::Micros time = 0;
    double probability = 0;
    bool is_shadow = false;
  };
  /// Shows it a prediction that a model made.
  void offer(const Candidate& candidate);

  /// What was found, the newest prediction of each customer and version.
  std::vector<JoinedOutcome> found() const;
  std::size_t matched_labels() const { return matched_.size(); }

  /// Reads a prediction log for predictions to offer: its segments, and with `engine` its Parquet
  /// files of the hours that can matter. A damaged segment is passed over; the first one is the
  /// answer's error, after all others were read. Errors also: kCancelled when the engine was
  /// interrupted.
  core::Result<> read_log(const std::filesystem::path& folder, data::Engine* engine);

 private:
  using Labels = std::vector<const OutcomeLabel*>;
  using CustomerKey = std::pair<std::string_view, std::string_view>;  ///< model, customer
  using SubjectKey = std::tuple<std::string, std::int64_t, std::string>;

  const OutcomeLabel* label_of(const Candidate& candidate) const;
  bool can_matter(core::Micros hour) const;
  core::Result<> read_segments(const std::filesystem::path& folder,
                               std::set<std::uint64_t>& numbers);
  core::Result<> read_archive(const std::filesystem::path& folder,
                              const std::set<std::uint64_t>& read, data::Engine& engine);
  core::Result<> make_wanted_tables(data::Engine& engine) const;
  void offer_rows(const data::Table& rows);

  core::Micros horizon_;
  std::map<std::string_view, const OutcomeLabel*> by_prediction_;
  std::map<CustomerKey, Labels> by_customer_;
  std::set<core::Micros> hours_;            ///< in which the named predictions were made
  bool is_any_hour_ = false;                ///< an id does not tell its time
  core::Micros earliest_ = 0, latest_ = 0;  ///< of predictions that labels of customers are about
  std::map<SubjectKey, JoinedOutcome> found_;
  std::set<std::int64_t> matched_;
};

}  // namespace tenure::monitoring
