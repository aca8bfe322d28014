#include "net/trusted_proxies.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <optional>

#include <arpa/inet.h>
#include <fmt/format.h>

#include "core/ascii_case.h"

namespace tenure::net {
namespace {

constexpr unsigned kBits = 128, kIpv4Bits = 32;
constexpr std::array<std::uint8_t, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ') || text.starts_with('\t')) text.remove_prefix(1);
  while (text.ends_with(' ') || text.ends_with('\t')) text.remove_suffix(1);
  return text;
}

/// Takes what stands behind the last comma off the end; a comma within quotes ends nothing.
std::string_view take_last(std::string_view& list) {
  std::size_t comma = std::string_view::npos;
  bool is_quoted = false;
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (list[i] == '"') is_quoted = !is_quoted;
    if (list[i] == ',' && !is_quoted) comma = i;
  }
  const std::string_view last = comma == std::string_view::npos ? list : list.substr(comma + 1);
  list = comma == std::string_view::npos ? std::string_view() : list.substr(0, comma);
  return trimmed(last);
}

/// The value of `for` in an element of Forwarded; "" without one.
std::string_view forwarded_for(std::string_view element) {
  while (!element.empty()) {
    const std::size_t end = std::min(element.find(';'), element.size());
    const std::string_view pair = trimmed(element.substr(0, end));
    element.remove_prefix(std::min(end + 1, element.size()));
    const std::size_t equals = pair.find('=');
    if (equals == std::string_view::npos) continue;
    if (!core::equals_ignoring_case(trimmed(pair.substr(0, equals)), "for")) continue;
    std::string_view value = trimmed(pair.substr(equals + 1));
    if (value.size() >= 2 && value.starts_with('"') && value.ends_with('"'))
      value = value.substr(1, value.size() - 2);
    return value;
  }
  return {};
}

}  // namespace

bool TrustedProxies::parse_address(std::string_view text, Address& address) {
  std::array<char, INET6_ADDRSTRLEN> terminated{};
  if (text.empty() || text.size() >= terminated.size()) return false;
  std::ranges::copy(text, terminated.begin());
  std::ranges::copy(kMapped, address.begin());
  if (::inet_pton(AF_INET, terminated.data(), address.data() + kMapped.size()) == 1) return true;
  return ::inet_pton(AF_INET6, terminated.data(), address.data()) == 1;
}

/// An address with or without a port: "192.0.2.1:80", "[2001:db8::1]:80", "2001:db8::1".
bool TrustedProxies::parse_host(std::string_view text, Address& address) {
  if (text.starts_with('[')) return parse_address(text.substr(1, text.find(']') - 1), address);
  const std::size_t colon = text.find(':');
  const bool has_port =
      colon != std::string_view::npos && text.find(':', colon + 1) == std::string_view::npos;
  return parse_address(has_port ? text.substr(0, colon) : text, address);
}

core::Result<TrustedProxies> TrustedProxies::make(std::span<const std::string> networks,
                                                  Field field) {
  TrustedProxies proxies;
  proxies.field_ = field;
  for (const std::string& text : networks) {
    const auto wrong = [&text] {
      return core::Error{
          core::ErrorCode::kInvalidArgument,
          fmt::format("'{}' is no address or network; expected one such as 10.0.0.1, "
                      "10.0.0.0/8 or 2001:db8::/32",
                      text)};
    };
    const std::size_t slash = std::min(text.find('/'), text.size());
    const std::string_view host = std::string_view(text).substr(0, slash);
    Network network;
    if (!parse_address(host, network.address)) return wrong();
    const bool is_ipv4 = host.find(':') == std::string_view::npos;
    network.bits = is_ipv4 ? kIpv4Bits : kBits;
    if (slash < text.size()) {
      unsigned bits = 0;
      const char* const end = text.data() + text.size();
      const auto read = std::from_chars(text.data() + slash + 1, end, bits);
      if (read.ec != std::errc() || read.ptr != end || bits > network.bits) return wrong();
      network.bits = bits;
    }
    if (is_ipv4) network.bits += kBits - kIpv4Bits;
    proxies.networks_.push_back(network);
  }
  return proxies;
}

std::string_view TrustedProxies::field_name() const {
  return field_ == Field::kForwarded ? "Forwarded" : "X-Forwarded-For";
}

bool TrustedProxies::trusts(const Address& address) const {
  return std::ranges::any_of(networks_, [&address](const Network& network) {
    const std::size_t whole = network.bits / 8;
    if (!std::equal(address.begin(), address.begin() + static_cast<std::ptrdiff_t>(whole),
                    network.address.begin()))
      return false;
    const unsigned rest = network.bits % 8;
    if (rest == 0) return true;
    return ((address[whole] ^ network.address[whole]) >> (8 - rest)) == 0;
  });
}

std::string_view TrustedProxies::client(std::string_view peer,
                                        std::span<const std::string_view> values,
                                        Room& room) const {
  Address address{};
  if (networks_.empty() || !parse_host(peer, address) || !trusts(address)) return peer;
  // From this server outwards: what a trusted proxy wrote may be believed, and no more.
  bool is_known = true;
  for (std::size_t i = values.size(); i-- > 0 && is_known && trusts(address);) {
    std::string_view list = values[i];
    while (!list.empty() && trusts(address)) {
      const std::string_view element = take_last(list);
      Address next{};
      is_known = parse_host(field_ == Field::kForwarded ? forwarded_for(element) : element, next);
      if (!is_known) break;
      address = next;
    }
  }
  const bool is_ipv4 = std::equal(kMapped.begin(), kMapped.end(), address.begin());
  const char* const text = is_ipv4 ? ::inet_ntop(AF_INET, address.data() + kMapped.size(),
                                                 room.data(), static_cast<socklen_t>(room.size()))
                                   : ::inet_ntop(AF_INET6, address.data(), room.data(),
                                                 static_cast<socklen_t>(room.size()));
  return text == nullptr ? peer : std::string_view(text);
}

}  // namespace tenure::net
