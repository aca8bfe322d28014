#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string_view>

#include "core/clock.h"
#include "core/result.h"
#include "data/engine.h"
#include "data/table.h"

namespace tenure::data {

/// What goes wrong, or seems to, in the world of a timeline. The truth is known, so monitors can be
/// tested: what they must see, and what they must not.
enum class TelcoScenario : std::uint8_t {
  kNone,            ///< a stable world; the base still ages: a drift that must not alarm
  kPriceRise,       ///< fibre 15 % dearer; monthly fibre customers leave more: concept drift
  kDataOutage,      ///< two months without usage (null) and tickets (0); labels as ever
  kNewPlan,         ///< 40 % of signups take a contract no model has seen, and stay longer
  kTrackingRename,  ///< "Electronic check" arrives as "E-check"
};
core::Result<TelcoScenario> parse_telco_scenario(std::string_view name);  ///< "none", "price_rise"
std::string_view telco_scenario_name(TelcoScenario scenario);

struct TimelineOptions {
  int slots = 12'000;             ///< customers at a time
  int months = 30;                ///< snapshots
  int horizon_months = 3;         ///< churn within so many months is the label
  std::uint64_t seed = 42;        ///< scenarios share all draws of one seed
  int burn_in_months = 24;        ///< simulated before the first snapshot, so the base is stable
  double monthly_growth = 0;      ///< new slots a month, as a share; 0 to 0.2
  double plan_change_rate = 0.0;  ///< customers a month who add or drop an extra, as a share
  TelcoScenario scenario = TelcoScenario::kNone;
  std::optional<int> scenario_month = std::nullopt;  ///< default 18, 20, 15, 18 in the order above
  core::Micros start = 1'640'995'200'000'000;        ///< a month's first instant; 2022-01-01
  bool has_events = true;
  bool has_daily_usage = false;  ///< one usage event a day and customer: 30 times the rows
  bool has_true_hazard = false;  ///< a further snapshot column: probability to leave next month
};

/// Monthly history of a customer base, with behaviour, churn, and the delay with which things
/// become known.
struct TelcoTimeline {
  /// One row per active customer and month end: customer_id, event_timestamp (first instant of the
  /// next month), known_at, the 19 columns of the Telco file, tickets, usage_gb (missing in an
  /// outage), late_payment, [true_hazard]. By time, then slot.
  Table snapshots;
  /// Row by row beside `snapshots`: customer_id, event_timestamp, churned (0/1: left within the
  /// horizon), churned_at (missing if not), label_known_at: when a positive was reported, or when a
  /// negative became safe. May lie after the last snapshot: who trains at time t takes
  /// label_known_at <= t.
  Table labels;
  /// customer_id, event_type, occurred_at, known_at, ingested_at, amount, topic. By occurred_at.
  /// event_type: signup, plan_change, invoice, payment, late, ticket_open, ticket_close, usage_day,
  /// price_notice, offer, cancel_request, churn.
  Table events;
};

/// Share of label delays under `days`: Gamma(2, 5 days). Divide an early positive rate by it.
double telco_label_delay_share(double days);
/// Days after which 99 % of churns are known.
inline constexpr double kTelcoLabelMatureDays = 33.2;
/// Further days until the non-renewal of a one- or two-year contract counts as churn.
inline constexpr double kTelcoRenewalGraceDays = 30;

/// Simulates. Deterministic in the options. Errors: kInvalidArgument naming the option.
core::Result<TelcoTimeline> generate_telco_timeline(const TimelineOptions& options);

/// Writes snapshots.parquet, labels.parquet and events.parquet into `folder`, each whole or not at
/// all; a part without rows has no file, and one that stands there is removed. Errors: of
/// write_parquet.
core::Result<> write_telco_timeline(Engine& engine, const TelcoTimeline& timeline,
                                    const std::filesystem::path& folder);

}  // namespace tenure::data
