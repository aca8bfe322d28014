#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/clock.h"
#include "core/random.h"
#include "data/table.h"

namespace tenure::data {

enum class TelcoEvent : std::uint8_t {
  kSignup,
  kPlanChange,
  kInvoice,
  kPayment,
  kLate,
  kTicketOpen,
  kTicketClose,
  kUsageDay,
  kPriceNotice,
  kOffer,
  kCancelRequest,
  kChurn,
};

inline constexpr core::Micros kMicrosPerDay = 86'400 * core::kMicrosPerSecond;

/// Collects events as columns. Three times each: when it happened, when the business could know,
/// and when it reached the data platform.
class TelcoEventLog {
 public:
  explicit TelcoEventLog(bool is_enabled) : is_enabled_(is_enabled) {}

  struct Event {
    std::uint32_t customer = 0;  ///< index of the customer
    TelcoEvent type = TelcoEvent::kSignup;
    core::Micros occurred_at = 0;
    core::Micros known_at = 0;
    double amount = 0;  ///< dollars, gigabytes or per cent; NaN = none
    std::uint32_t topic = 0;
  };
  /// Adds the event; its way into the platform takes up to two hours from when it was known.
  void add(core::Random& random, const Event& event);

  /// A ticket about one of the topics, opened at `at`, closed some days later.
  void add_ticket(core::Random& random, std::uint32_t customer, core::Micros at);

  bool is_enabled() const { return is_enabled_; }

  /// Sorted by occurred_at. `ids` are the customers' ids by index.
  Table table(const std::vector<std::string>& ids) &&;

 private:
  struct Row {
    Event event;
    core::Micros ingested_at;
  };
  bool is_enabled_;
  std::vector<Row> rows_;
};

}  // namespace tenure::data
