#include "decision/control_group.h"

namespace tenure::decision {
namespace {

/// FNV-1a; written into stored decisions, so it must never change.
constexpr std::uint64_t hash_text(std::string_view text, std::uint64_t hash) {
  for (const char c : text) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 0x100000001B3ULL;
  }
  return hash;
}

/// Spreads a hash over all bits: FNV's upper ones differ little for short ids (splitmix64).
constexpr std::uint64_t spread(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ULL;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBULL;
  return x ^ (x >> 31);
}

constexpr std::uint64_t kBasis = 0xCBF29CE484222325ULL;

}  // namespace

ControlGroup::ControlGroup(double share, std::string_view campaign)
    : share_(share), salt_(spread(hash_text(campaign, kBasis))) {}

bool ControlGroup::has(std::string_view customer) const noexcept {
  if (share_ <= 0 || customer.empty()) return false;
  const std::uint64_t bits = spread(hash_text(customer, kBasis ^ salt_));
  return static_cast<double>(bits >> 11) * 0x1.0p-53 < share_;
}

}  // namespace tenure::decision
