#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "data/table.h"
#include "data/telco_population.h"

namespace tenure::data {

/// One column of the public Telco file between customerID and Churn.
struct TelcoField {
  std::string_view name;
  ColumnType type;                          ///< kText, kInteger or kNumber
  std::span<const std::string_view> words;  ///< kText: what value() indexes
  /// kText: index of the word; kInteger: the number; kNumber: cents, or kMissing.
  std::int64_t (*value)(const TelcoCustomer&);

  static constexpr std::int64_t kMissing = std::numeric_limits<std::int64_t>::min();
};

/// The 19 columns, in the file's order.
std::span<const TelcoField> telco_fields();

/// Collects customers into the 19 columns.
class TelcoColumns {
 public:
  TelcoColumns();
  void append(const TelcoCustomer& customer);
  /// The columns; texts list the words that occur, in the order of telco_fields().
  std::vector<Column> finish() &&;

 private:
  std::vector<Column> columns_;
};

/// A text column whose values are codes into `dictionary`.
Column coded_column(std::string name, std::vector<std::uint32_t> codes,
                    std::vector<std::string> dictionary);

}  // namespace tenure::data
