#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "core/clock.h"
#include "data/table.h"
#include "data/telco_columns.h"

namespace tenure::data {

/// Month by month record of a simulated customer base: month-end rows, and who left when.
class TelcoHistory {
 public:
  static constexpr int kNever = std::numeric_limits<int>::max();

  struct Leaving {
    int month = kNever;
    core::Micros at = 0;
    core::Micros known_at = 0;
  };
  struct Row {
    std::uint32_t customer = 0;  ///< index given by add_customer
    int month = 0;
    core::Micros at = 0;           ///< month end
    core::Micros horizon_end = 0;  ///< when the label's window closes
    core::Micros label_delay = 0;  ///< after which a customer who did not leave is believed
    bool is_blind = false;         ///< tickets and usage did not arrive
    std::int64_t tickets = 0;
    double usage_gb = 0;
    bool is_late = false;
    double hazard = 0;
  };

  std::uint32_t add_customer(std::string id);
  void record_leaving(std::uint32_t customer, const Leaving& leaving);
  void add_row(const TelcoCustomer& customer, const Row& row);

  const std::vector<std::string>& ids() const { return ids_; }
  /// Row by row as added. `horizon_months` after a row's month, leaving no longer counts.
  Table labels(int horizon_months) const;
  Table snapshots(bool has_hazard) &&;

 private:
  std::vector<std::string> ids_;
  std::vector<Leaving> leavings_;  // by customer
  std::vector<Row> rows_;
  TelcoColumns features_;
};

}  // namespace tenure::data
