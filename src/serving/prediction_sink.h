#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "core/clock.h"
#include "core/trace_context.h"
#include "data/cell.h"

namespace tenure::serving {

/// Which level of the fallback chain answered.
enum class Level : std::uint8_t {
  kPrimary = 0,    ///< the model
  kSecondary = 1,  ///< the simple model trained beside it
  kRules = 2,      ///< business rules of the project file
  kBaseRate = 4,   ///< the share of positives among the training rows
};
inline constexpr std::array kAllLevels = {Level::kPrimary, Level::kSecondary, Level::kRules,
                                          Level::kBaseRate};
std::string_view level_name(Level level);  ///< "primary", "secondary", "rules", "base_rate"

/// Whether a customer is left alone so that the effect of offers can be told
/// (decision/control_group.h).
enum class CampaignGroup : std::uint8_t {
  kNone,     ///< nobody was left alone, or nobody in particular was asked about
  kTarget,   ///< may get offers
  kControl,  ///< gets none
};

/// One prediction as it is remembered. Views are valid during the call only; a sink copies what it
/// keeps.
struct PredictionEvent {
  std::string_view prediction_id;  ///< UUIDv7
  core::Micros time = 0;
  std::string_view entity_id;  ///< may be empty
  std::string_view model;
  std::int64_t version = 0;
  std::string_view variant;  ///< which of those that share the requests; "" = there is one only
  bool is_shadow = false;    ///< nobody got this answer; its id is that of the one they got
  std::span<const std::string_view> feature_names;
  std::span<const data::Cell> features;  ///< one per name, as the model saw them; none when no
                                         ///< feature was known
  core::Micros features_time =
      0;  ///< event time of the stalest stored row used; 0 = all from the request
  float margin = 0;
  float probability = 0;
  bool is_positive = false;
  Level level = Level::kPrimary;
  std::string_view reason;  ///< why a lower level answered; "" when the primary did
  std::uint32_t latency_us = 0;
  CampaignGroup group = CampaignGroup::kNone;
  core::TraceContext trace = {};  ///< of the request, when its caller traces
};

/// Where predictions go. Implemented by monitoring::PredictionLog; declared here so that serving
/// depends on nothing above it. append() must not block, allocate without bound, or fail: what
/// cannot be kept is counted and warned about.
class PredictionSink {
 public:
  virtual ~PredictionSink() = default;
  virtual void append(const PredictionEvent& event) noexcept = 0;
};

}  // namespace tenure::serving
