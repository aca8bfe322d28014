#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace tenure::net {

/// Proxies that say whom they ask for: with a peer of theirs, the client is who their header
/// names. Immutable; thread-safe.
class TrustedProxies {
 public:
  /// The header that the proxies write. They must do so on every request: the other one of the two
  /// may come from the client and is not looked at.
  enum class Field : std::uint8_t {
    kXForwardedFor,  ///< "203.0.113.7, 10.0.0.1"
    kForwarded,      ///< RFC 7239: "for=203.0.113.7;proto=https, for=\"[2001:db8::1]:4711\""
  };

  TrustedProxies() = default;  ///< trusts nobody
  /// `networks`: "10.0.0.1", "10.0.0.0/8", "2001:db8::/32". Errors: kInvalidArgument naming the one
  /// that is none.
  static core::Result<TrustedProxies> make(std::span<const std::string> networks, Field field);

  bool is_empty() const { return networks_.empty(); }
  std::string_view field_name() const;

  /// An address as inet_ntop writes it; room for its text.
  using Room = std::array<char, 64>;
  /// The client of a request that `peer` ("127.0.0.1:51234") sent: the address nearest to this
  /// server that is of no trusted proxy; where the header does not tell, or tells what is no
  /// address, the nearest that is known. `values` are those of all header fields of that name, in
  /// the order they came. The answer is in `room`, or `peer` itself. Allocates nothing.
  std::string_view client(std::string_view peer, std::span<const std::string_view> values,
                          Room& room) const;

 private:
  /// IPv4 as the IPv6 address that stands for it.
  using Address = std::array<std::uint8_t, 16>;
  struct Network {
    Address address{};
    unsigned bits = 0;
  };
  static bool parse_address(std::string_view text, Address& address);
  static bool parse_host(std::string_view text, Address& address);
  bool trusts(const Address& address) const;

  Field field_ = Field::kXForwardedFor;
  std::vector<Network> networks_;
};

}  // namespace tenure::net
