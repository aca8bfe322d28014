#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tenure::decision {

/// A random share of customers who are left without any offer, so that the effect of offers can be
/// told from what would have happened anyway. Who is in it depends on the customer's id and the
/// campaign's name alone: it stays the same through retries, restarts, machines and batches, and is
/// drawn anew for another campaign. Immutable; thread-safe; allocates nothing.
class ControlGroup {
 public:
  ControlGroup() = default;
  /// `share` in 0..1.
  ControlGroup(double share, std::string_view campaign);

  /// A customer without an id cannot be found again, and is in no group.
  bool has(std::string_view customer) const noexcept;
  double share() const { return share_; }

 private:
  double share_ = 0;
  std::uint64_t salt_ = 0;  ///< hash of the campaign's name
};

}  // namespace tenure::decision
